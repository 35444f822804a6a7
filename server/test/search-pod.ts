/** A search service by itself, as one of several pods on one database, with a messenger that does as it is told. */
import { after } from "node:test";
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type FindMessagesRequest,
  FindOrder,
  MessengerInternalService,
  type ReadFoundMessagesRequest,
} from "@parley/api/internal/messenger";
import { SearchHitSchema, SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import { type Bus, createLocalBus } from "#platform/bus.ts";
import type { Database } from "#platform/database.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { invalidInput } from "#platform/errors.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import { createLog } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { type SearchConfig, searchSettings } from "#search/config.ts";
import { createSearch } from "#search/service.ts";

export interface FoundMessage {
  id: string;
  text: string;
}

/** Finds by whether the text contains every term; the first message is the newest. */
export function createFakeMessenger() {
  const fake = {
    messages: [] as FoundMessage[],
    finds: [] as FindMessagesRequest[],
    reads: [] as ReadFoundMessagesRequest[],
    acquaintanceIds: [] as string[],
    /** Called before a call is answered; may throw or wait. */
    onFind: async (_request: FindMessagesRequest, _signal: AbortSignal): Promise<void> => {},
    onRead: async (): Promise<void> => {},
    pageSize: 1_000,
    /** So many calls get nowhere, as with a database that is busy. */
    nowhere: 0,
    /** Whose calls are being answered now. */
    underWay: 0,
    most: 0,
  };
  const matching = (query: FindMessagesRequest["query"]) =>
    fake.messages.filter(({ text }) => query?.terms.every((term) => text.includes(term.text)));
  const hitOf = ({ id, text }: FoundMessage) =>
    fromJson(SearchHitSchema, { message: { id, text }, score: 1 });
  const transport = createDirectTransport((router) => {
    router.service(MessengerInternalService, {
      async findMessages(request, { signal }) {
        fake.finds.push(request);
        fake.underWay += 1;
        fake.most = Math.max(fake.most, fake.underWay);
        try {
          await fake.onFind(request, signal);
        } finally {
          fake.underWay -= 1;
        }
        const all = matching(request.query);
        if (request.order === FindOrder.RELEVANCE) return { hits: all.slice(0, request.limit).map(hitOf) };
        const from = Number(request.cursor || 0);
        if (fake.nowhere > 0) {
          fake.nowhere -= 1;
          return { partial: true, nextCursor: String(from) };
        }
        const to = from + Math.min(request.limit, fake.pageSize);
        const messageIds = all.slice(from, to).map(({ id }) => id);
        return { messageIds, ...(to < all.length ? { nextCursor: String(to) } : {}) };
      },
      async readFoundMessages(request) {
        fake.reads.push(request);
        await fake.onRead();
        const byId = new Map(matching(request.query).map((message) => [message.id, message]));
        return { hits: request.messageIds.flatMap((id) => byId.get(id) ?? []).map(hitOf) };
      },
      filterAcquaintances: ({ candidateIds }) => ({
        userIds: candidateIds.filter((id) => fake.acquaintanceIds.includes(id)),
      }),
    });
  });
  return Object.assign(fake, { client: createClient(MessengerInternalService, transport) });
}

export type FakeMessenger = ReturnType<typeof createFakeMessenger>;

export interface FakeUser {
  id: string;
  name: string;
  email?: string;
}

function createFakeUsers(users: readonly FakeUser[]) {
  const transport = createDirectTransport((router) => {
    router.service(UserService, {
      listUsers({ email, query, limit }) {
        if (email) return { users: users.filter((user) => user.email === email) };
        if ([...query].length < 2) throw invalidInput("query", "must have at least 2 letters");
        return { users: users.filter(({ name }) => name.includes(query)).slice(0, limit) };
      },
    });
  });
  return createClient(UserService, transport);
}

export interface SearchPodOptions {
  database: Database;
  messenger: FakeMessenger;
  users?: readonly FakeUser[];
  redis?: Redis;
  bus?: Bus;
  /** Not held to the ranges of the settings. */
  config?: Partial<SearchConfig>;
}

export async function startSearchPod(options: SearchPodOptions) {
  const { database, messenger, users = [], redis, config = {} } = options;
  const bus = options.bus ?? createLocalBus(() => {});
  const log = createLog(process.env.PARLEY_TEST_LOG === "1" ? "debug" : "silent");
  const jobs = createJobs({
    service: "search",
    database,
    amqpUrl: undefined,
    maxWaiting: 100_000,
    telemetry: noTelemetry,
    log,
  });
  const service = createSearch({
    config: { ...readSettings(searchSettings, {}, []), ...config },
    database,
    redis,
    jobs,
    clients: { messenger: messenger.client, users: createFakeUsers(users) },
    bus,
    log,
    telemetry: noTelemetry,
  });
  const transport = createDirectTransport((router) => service.routes(router));
  await service.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= service.stop();
    return stopped;
  };
  after(stop);
  return { search: createClient(SearchService, transport), jobs, bus, stop };
}

export type SearchPod = Awaited<ReturnType<typeof startSearchPod>>;

export function newMessages(count: number, text = "whale"): FoundMessage[] {
  return Array.from({ length: count }, (_, index) => ({ id: `message-${index}`, text: `${text} ${index}` }));
}

/** What a messenger that hangs does; it does not even heed that nobody waits any more. */
export const hang = () => new Promise<never>(() => {});
