/** Messengers on a real database, as their callers see them: through typed clients, with what they publish recorded. */
import { randomUUID } from "node:crypto";
import { after } from "node:test";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import type { Chat, Event, Message } from "@parley/api/v2/event";
import { MessengerService } from "@parley/api/v2/messenger";
import type { MessengerClients } from "#messenger/clients.ts";
import { type MessengerConfig, messengerSettings } from "#messenger/config.ts";
import { createMessenger } from "#messenger/service.ts";
import { type Actor, actorHeaders } from "#platform/actor.ts";
import { type Bus, createLocalBus } from "#platform/bus.ts";
import { createDatabase, type Database } from "#platform/database.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createPostgresJobs } from "#platform/jobs/postgres/postgres-jobs.ts";
import { createLog, type Log } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { createLocalStamps } from "#platform/stamps/local-stamps.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createFakeBlobs } from "#test/fake-blobs.ts";

export type UserClient = Client<typeof MessengerService>;

export interface TestMessenger {
  internal: Client<typeof MessengerInternalService>;
  /** The internal service as the gateway calls it for this user. */
  internalAs(userId: string): Client<typeof MessengerInternalService>;
  /** The public service as this user calls it, with these roles. */
  as(userId: string, roles?: readonly string[]): UserClient;
  /** Everything published, in order. */
  published: Array<{ topic: string; events: Event[] }>;
  stamps: Stamps;
  stop(): Promise<void>;
}

const away = async () => {
  throw fault("unavailable");
};

const noClients: MessengerClients = {
  process: { listProcessors: away },
  dispatch: { processMessage: away },
  blobs: createFakeBlobs(),
};

const jobsOf = (database: Database, log: Log) =>
  createPostgresJobs({
    service: "messenger",
    database,
    amqpUrl: undefined,
    maxWaiting: 1_000,
    telemetry: noTelemetry,
    log,
  });

/** A process of its own as far as the messenger can tell: its own connections, bus and queue. */
export async function startMessenger(
  databaseUrl: string,
  settings: Record<string, string> = {},
  clients?: Partial<MessengerClients>,
): Promise<TestMessenger> {
  const log = createLog("silent");
  const database = createDatabase(
    {
      connectionString: databaseUrl,
      maxConnections: 6,
      acquireTimeoutMs: 10_000,
      statementTimeoutMs: 10_000,
      applicationName: "parley-test-messenger",
    },
    log,
  );
  const published: TestMessenger["published"] = [];
  const config: MessengerConfig = readSettings(messengerSettings, settings, []);
  const bus = recordingBus(published);
  const stamps = createLocalStamps();
  const service = createMessenger({
    config,
    database,
    bus,
    stamps,
    log,
    ...(clients ? { clients: { ...noClients, ...clients } } : {}),
    ...(clients?.blobs ? { jobs: jobsOf(database, log) } : {}),
  });
  const transport = createDirectTransport((router) => service.routes(router));
  await service.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= service.stop().then(() => database.close());
    return stopped;
  };
  after(stop);
  return {
    internal: createClient(MessengerInternalService, transport),
    internalAs: (userId) =>
      createClient(MessengerInternalService, asActor(transport, { userId, sessionId: "", roles: [] })),
    as: (userId, roles = []) =>
      createClient(MessengerService, asActor(transport, { userId, sessionId: "", roles })),
    published,
    stamps,
    stop,
  };
}

function asActor(transport: Transport, actor: Actor): Transport {
  const headers = actorHeaders(actor);
  return {
    ...transport,
    unary: (method, signal, timeoutMs, _header, input, values) =>
      transport.unary(method, signal, timeoutMs, new Headers(headers), input, values),
  };
}

function recordingBus(published: TestMessenger["published"]): Bus {
  const bus = createLocalBus((error) => {
    throw error;
  });
  return {
    ...bus,
    publish(topic, message) {
      published.push({ topic, events: [...message.events] });
      bus.publish(topic, message);
    },
  };
}

/** Events published to the chat's topic, in order. */
export function publishedTo(messenger: TestMessenger, topic: string): Event[] {
  return messenger.published.filter((entry) => entry.topic === topic).flatMap((entry) => entry.events);
}

export const newUsers = (count: number): string[] => Array.from({ length: count }, () => randomUUID());

/** Created by the first member. */
export async function createGroup(
  messenger: TestMessenger,
  members: string[],
  kind: "group" | "channel" = "group",
): Promise<Chat> {
  const [owner, ...memberIds] = members;
  const { chat } = await messenger.as(owner!).createChat({ kind, title: "A chat", memberIds });
  return chat!;
}

export async function send(
  messenger: TestMessenger,
  { userId, chatId, text = "hello" }: { userId: string; chatId: string; text?: string },
): Promise<Message> {
  const { message } = await messenger.as(userId).sendMessage({ chatId, text, clientId: randomUUID() });
  return message!;
}

/** The code that a call fails with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "no error";
  } catch (error) {
    return toPublicError(error).code;
  }
}
