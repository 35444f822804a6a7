/** The messenger: chats, members, messages, and the event log of each chat. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { MessengerService } from "@parley/api/v2/messenger";
import { noAttachments } from "#messenger/attachments/attachments.ts";
import { createAttachments } from "#messenger/attachments/create-attachments.ts";
import { createChatTurns } from "#messenger/chat-turns.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import { createBatchCommit } from "#messenger/commit-batch.ts";
import type { MessengerConfig } from "#messenger/config.ts";
import { createChatLanguages } from "#messenger/finding/chat-languages.ts";
import { GroupCommit, type ValidSend } from "#messenger/group-commit.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { createProcessing } from "#messenger/processing/create-processing.ts";
import { createKnownProcessors } from "#messenger/processing/known-processors.ts";
import type { ProcessingWorker } from "#messenger/processing/processing-worker.ts";
import { addMembers } from "#messenger/rpc/add-members.ts";
import { createChat } from "#messenger/rpc/create-chat.ts";
import { createOpenChat } from "#messenger/rpc/create-open-chat.ts";
import { deleteMessage } from "#messenger/rpc/delete-message.ts";
import { editMessage } from "#messenger/rpc/edit-message.ts";
import { findAttachment } from "#messenger/rpc/find-attachment.ts";
import { findMessages } from "#messenger/rpc/find-messages.ts";
import { getChat } from "#messenger/rpc/get-chat.ts";
import { joinChat } from "#messenger/rpc/join-chat.ts";
import { listChatPage } from "#messenger/rpc/list-chat-page.ts";
import { listChats } from "#messenger/rpc/list-chats.ts";
import { listEvents } from "#messenger/rpc/list-events.ts";
import { listMembers } from "#messenger/rpc/list-members.ts";
import { listMessagePage } from "#messenger/rpc/list-message-page.ts";
import { listMessages } from "#messenger/rpc/list-messages.ts";
import { markRead } from "#messenger/rpc/mark-read.ts";
import { filterAcquaintances, listPositions } from "#messenger/rpc/positions.ts";
import { addReaction, removeReaction } from "#messenger/rpc/react.ts";
import { readFoundMessages } from "#messenger/rpc/read-found-messages.ts";
import { removeMember } from "#messenger/rpc/remove-member.ts";
import { sendMessage, sendMessages } from "#messenger/rpc/send-messages.ts";
import { updateChat } from "#messenger/rpc/update-chat.ts";
import { updateMember } from "#messenger/rpc/update-member.ts";
import { observeQueue } from "#messenger/send-metrics.ts";
import { createIndexUpkeep } from "#messenger/text-index/index-upkeep.ts";
import { createTextIndex } from "#messenger/text-index/text-index.ts";
import type { Bus } from "#platform/bus.ts";
import type { Database } from "#platform/database.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Service } from "#platform/service.ts";
import { noStamps, type Stamps } from "#platform/stamps/stamps.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";

/** No clock: all times of the messenger are the database's, so that servers need not agree on one. */
export interface MessengerOptions {
  config: MessengerConfig;
  database: Database;
  /** Connections for sends alone, so that no number of large reads keeps a message from being stored. */
  sendDatabase?: Database;
  /** Connections for searches alone, so that no number of them keeps anything else waiting. */
  searchDatabase?: Database;
  bus: Bus;
  /** Changed before a change is acknowledged; without them, nobody may keep answers. */
  stamps?: Stamps;
  /** Without them, no message is processed by anything. */
  clients?: MessengerClients;
  /** Of the same database; without them, no message has attachments. */
  jobs?: Jobs;
  log: Log;
  telemetry?: Telemetry;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");
const drainDeadlineMs = 10_000;
const turnLimits = { maxWaitingPerChat: 200, maxWaitMs: 10_000 };
/** Of long texts, not many are taken apart into words in one go; a thousand of the usual length have less. */
const maxBatchBytes = 524_288;

export function createMessenger(options: MessengerOptions): Service {
  let processing: ProcessingWorker | undefined;
  const parts = createParts(options, () => processing?.wake());
  processing = createProcessing(options, parts);
  const indexUpkeep = createIndexUpkeep({ ...parts, log: options.log });
  return {
    name: "messenger",
    routes(router) {
      router.service(MessengerService, {
        addMembers: addMembers(parts),
        addReaction: addReaction(parts),
        createChat: createChat(parts),
        deleteMessage: deleteMessage(parts),
        editMessage: editMessage(parts),
        getChat: getChat(parts),
        listChats: listChats(parts),
        listEvents: listEvents(parts),
        listMembers: listMembers(parts),
        listMessages: listMessages(parts),
        markRead: markRead(parts),
        removeMember: removeMember(parts),
        removeReaction: removeReaction(parts),
        sendMessage: sendMessage(parts),
        updateChat: updateChat(parts),
        updateMember: updateMember(parts),
      });
      router.service(MessengerInternalService, {
        createOpenChat: createOpenChat(parts),
        filterAcquaintances: filterAcquaintances(parts),
        findAttachment: findAttachment(parts),
        findMessages: findMessages(parts),
        joinChat: joinChat(parts),
        listChatPage: listChatPage(parts),
        listMessagePage: listMessagePage(parts),
        listPositions: listPositions(parts),
        readFoundMessages: readFoundMessages(parts),
        sendMessages: sendMessages(parts),
      });
    },
    async start() {
      await migrate(options.database, "messenger", migrationsFolder, options.log);
      await parts.attachments.start();
      processing?.start();
      indexUpkeep.start();
    },
    async stop() {
      await Promise.all([
        parts.groupCommit.stop(drainDeadlineMs),
        parts.attachments.stop(drainDeadlineMs / 2),
        processing?.stop(drainDeadlineMs / 2),
        indexUpkeep.stop(),
        parts.chatLanguages.stop(),
      ]);
    },
  };
}

function createParts(options: MessengerOptions, onProcessable: () => void): MessengerParts {
  const {
    config,
    database,
    sendDatabase = database,
    searchDatabase = database,
    bus,
    stamps = noStamps,
    log,
    telemetry = noTelemetry,
  } = options;
  const turns = createChatTurns(turnLimits);
  const textIndex = createTextIndex({ isOn: config.PARLEY_SEARCH_INDEX === "on" });
  const groupCommit = new GroupCommit({
    turns,
    store: createBatchCommit({
      database: sendDatabase,
      bus,
      stamps,
      textIndex,
      log,
      telemetry,
      attachments: {
        queue: (tx, sends) => parts.attachments.queue(tx, sends),
        wake: () => parts.attachments.wake(),
      },
      onProcessable,
    }),
    maxBatch: config.PARLEY_SEND_BATCH_MAX,
    maxBatchBytes,
    maxInFlight: config.PARLEY_SEND_BATCHES_IN_FLIGHT,
    maxQueued: config.PARLEY_SEND_QUEUE_MAX,
    maxQueuedBytes: config.PARLEY_SEND_QUEUE_MAX_BYTES,
  });
  observeQueue(telemetry, () => groupCommit.size);
  const processors = createKnownProcessors(options.clients?.process);
  const parts: MessengerParts = {
    config,
    database,
    searchDatabase,
    chatLanguages: createChatLanguages({ database: searchDatabase, log }),
    bus,
    stamps,
    turns,
    groupCommit,
    textIndex,
    processors,
    attachments: noAttachments,
    onProcessable,
    telemetry,
  };
  const submit = (send: ValidSend) => groupCommit.submit(send);
  parts.attachments = createAttachments({ clients: options.clients, jobs: options.jobs, parts, submit, log });
  return parts;
}
