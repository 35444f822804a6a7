/** Puts together what attachments ask for: sends, jobs, and the sweeping of what no message came of. */
import { createAbandonedSweeper } from "#messenger/attachments/abandoned.ts";
import { createAttachmentQueues } from "#messenger/attachments/attachment-queues.ts";
import { type Attachments, noAttachments } from "#messenger/attachments/attachments.ts";
import { prepareAttachments } from "#messenger/attachments/prepare-attachments.ts";
import { sendWithAttachments } from "#messenger/attachments/send-with-attachments.ts";
import type { ChangeParts } from "#messenger/change-chat.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";

export interface AttachmentsOptions {
  clients: MessengerClients | undefined;
  jobs: Jobs | undefined;
  parts: ChangeParts;
  submit(send: ValidSend): Promise<SendResult>;
  log: Log;
}

const releaseTimeoutMs = 10_000;

/** Without jobs and blobs, no message has attachments. */
export function createAttachments({ clients, jobs, parts, submit, log }: AttachmentsOptions): Attachments {
  if (!jobs || !clients) return noAttachments;
  const { blobs } = clients;
  const { database } = parts;
  const queues = createAttachmentQueues(jobs, {
    prepare: ({ data }, signal) => prepareAttachments({ parts, blobs }, data, signal),
    async release({ data: { attachmentIds } }, signal) {
      await blobs.releaseAttachments({ attachmentIds }, { signal, timeoutMs: releaseTimeoutMs });
    },
  });
  const sweeper = createAbandonedSweeper({ database, release: queues.release, log });
  return {
    send: (send, given) => sendWithAttachments({ database, blobs, submit }, send, given),
    async queue(tx, sends) {
      for (const send of sends) {
        if (!send.attachments?.some(({ isPending }) => isPending)) continue;
        const { chatId, senderId, clientId } = send;
        try {
          await queues.prepare.enqueue(tx, { chatId, senderId, clientId });
        } catch (error) {
          if (toPublicError(error).code !== "overloaded") throw error;
          // They are files then, as everything else is: better than messages that nobody can send.
          for (const attachment of send.attachments) attachment.isPending = false;
        }
      }
    },
    async release(tx, attachments) {
      await queues.release.enqueue(tx, { attachmentIds: attachments.map(({ id }) => id) });
    },
    wake() {
      queues.prepare.wake();
      queues.release.wake();
    },
    async start() {
      await jobs.start();
      sweeper.start();
    },
    async stop(deadlineMs) {
      await Promise.all([jobs.stop(deadlineMs), sweeper.stop()]);
    },
  };
}
