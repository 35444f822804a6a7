/** The sockets of a gateway on a real port, before a messenger and an identity in memory. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { BlobService } from "@parley/api/v2/blob";
import { MessengerService } from "@parley/api/v2/messenger";
import { ProcessService } from "@parley/api/v2/process";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import { type Authenticator, createAuthenticator } from "#gateway/auth/authenticate.ts";
import type { Caller, Overrides } from "#gateway/call.ts";
import { createCallObserver } from "#gateway/call-observer.ts";
import { createCallTurns } from "#gateway/call-turns.ts";
import { createClientAddresses } from "#gateway/http/client-address.ts";
import { createCall } from "#gateway/pipeline.ts";
import { type SocketConfig, socketSettings } from "#gateway/realtime/config.ts";
import type { SocketEntrances } from "#gateway/realtime/socket-entrance.ts";
import { createSocketServer } from "#gateway/realtime/socket-server.ts";
import { createSendGatherer } from "#gateway/send-gatherer.ts";
import { noThrottle } from "#gateway/throttle/throttle.ts";
import { type Bus, createLocalBus, topics } from "#platform/bus.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { MemoryMessenger } from "#test/memory-messenger.ts";

export interface TestSocketsOptions {
  config?: Partial<SocketConfig>;
  bus?: Bus;
  /** Besides /v2/ws. */
  entrances?: (authenticator: Authenticator) => SocketEntrances;
}

const toleranceS = 5;
export const tokenSeconds = 600;
/** No test waits for it; a machine that stands still for a moment must not reach it either. */
const callTimeoutMs = 60_000;

export async function startSockets(options: TestSocketsOptions = {}) {
  const { config: overrides, bus: givenBus, entrances } = options;
  const clock = { nowMs: 1_800_000_000_000, now: () => clock.nowMs };
  const bus = givenBus ?? createLocalBus(rethrow);
  const messenger = new MemoryMessenger(bus);
  const tickets = new Map<string, Caller>();
  const ended = new Set<string>();
  const transport = createDirectTransport((router) => {
    messenger.routes(router);
    router.service(IdentityInternalService, {
      redeemWsTicket: ({ ticket }) => {
        const caller = tickets.get(ticket);
        if (!tickets.delete(ticket) || !caller) throw fault("ticket-invalid");
        return { ...caller, roles: [], expiresAt: timestampFromMs(caller.tokenExpiresAt) };
      },
    });
  });
  const clients = {
    auth: createClient(AuthService, transport),
    users: createClient(UserService, transport),
    identity: createClient(IdentityInternalService, transport),
    messenger: createClient(MessengerService, transport),
    messengerInternal: createClient(MessengerInternalService, transport),
    process: createClient(ProcessService, transport),
    dispatchInternal: createClient(DispatchInternalService, transport),
    search: createClient(SearchService, transport),
    blobs: createClient(BlobService, transport),
    blobsInternal: createClient(BlobInternalService, transport),
  };
  const authenticator = createAuthenticator({
    verifyToken: async (token) => readToken(token),
    endedSessions: ended,
    clock,
    toleranceS,
  });
  const gatherer = createSendGatherer({
    messenger: clients.messengerInternal,
    maxSends: 20_000,
    timeoutMs: callTimeoutMs,
  });
  const sends: Overrides = new Map([[MessengerService.method.sendMessage, gatherer.send]]) as Overrides;
  const call = createCall({
    clients,
    overrides: sends,
    timeoutMs: callTimeoutMs,
    turns: createCallTurns({ maxUnderWay: 8, maxWaiting: 1_000 }),
    throttle: noThrottle,
  });
  let tick = () => {};
  const sockets = createSocketServer({
    observer: createCallObserver(noTelemetry, createLog("silent")),
    config: { ...readSettings(socketSettings, {}, []), ...overrides },
    clients,
    identity: clients.identity,
    authenticator,
    endedSessions: ended,
    addresses: createClientAddresses([]),
    throttle: noThrottle,
    call,
    bus,
    clock,
    log: createLog("silent"),
    callTimeoutMs,
    tokenToleranceMs: toleranceS * 1_000,
    ...(entrances ? { entrances: entrances(authenticator) } : {}),
    everySecond: (work) => {
      tick = work;
      return () => {};
    },
  });
  await sockets.start();
  const server = createServer().on("upgrade", sockets.handleUpgrade);
  const port = await listen(server);
  after(async () => {
    await sockets.stop();
    server.closeAllConnections();
    server.close();
  });
  return {
    sockets,
    messenger,
    bus,
    clock,
    port,
    url: `ws://127.0.0.1:${port}/v2/ws`,
    /** A token of that user; its session is named like it. */
    token: (userId: string, sessionId = "s1", seconds = tokenSeconds) =>
      `${userId}/${sessionId}/${clock.nowMs + seconds * 1_000}`,
    addTicket: (ticket: string, userId: string) =>
      void tickets.set(ticket, caller(userId, "s1", clock.nowMs + tokenSeconds * 1_000)),
    endSession(sessionId: string) {
      ended.add(sessionId);
      bus.publish(topics.sessions, { endedSessionIds: [sessionId], events: [] } as never);
    },
    /** Lets time pass, second by second. */
    pass(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        clock.nowMs += 1_000;
        tick();
      }
    },
  };
}

export type TestSockets = Awaited<ReturnType<typeof startSockets>>;

function readToken(token: string): Caller {
  const [userId, sessionId, expiresAt] = token.split("/");
  if (!userId || !sessionId || !expiresAt) throw fault("unauthenticated");
  return caller(userId, sessionId, Number(expiresAt));
}

const caller = (userId: string, sessionId: string, tokenExpiresAt: number): Caller => ({
  userId,
  sessionId,
  roles: [],
  tokenExpiresAt,
});

function rethrow(error: unknown): never {
  throw error;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
