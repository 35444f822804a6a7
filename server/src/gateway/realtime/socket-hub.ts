/** Everything that the sockets of one gateway share, put together; and who is connected. */
import { create } from "@bufbuild/protobuf";
import { RealtimeService, ResumeRequestSchema } from "@parley/api/v2/realtime";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import type { Call } from "#gateway/call.ts";
import type { CallObserver } from "#gateway/call-observer.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import { FanOut } from "#gateway/fan-out.ts";
import { logFailure } from "#gateway/http/failure-log.ts";
import { closeReasons } from "#gateway/realtime/close-codes.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";
import { createEventReader } from "#gateway/realtime/event-reader.ts";
import { PositionSweep } from "#gateway/realtime/position-sweep.ts";
import { createSharedPresence } from "#gateway/realtime/presence/shared-presence.ts";
import { createLocalPresence } from "#gateway/realtime/presence.ts";
import { createPushTracing } from "#gateway/realtime/push-tracing.ts";
import { createRealtime } from "#gateway/realtime/realtime.ts";
import { observeRealtime, RealtimeStats } from "#gateway/realtime/realtime-stats.ts";
import { TimerWheel } from "#gateway/realtime/timer-wheel.ts";
import { UserConnections } from "#gateway/realtime/user-connections.ts";
import type { Connection, SocketSurroundings } from "#gateway/socket.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import { createValidate } from "#gateway/validation.ts";
import type { Bus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import { toPublicError } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";

export interface HubOptions {
  config: SocketConfig;
  clients: Pick<GatewayClients, "messenger" | "messengerInternal">;
  call: Call;
  authenticator: Pick<Authenticator, "authenticateToken">;
  endedSessions: Pick<EndedSessions, "has">;
  throttle: Pick<Throttle, "admit" | "admitStranger" | "admitSocket">;
  bus: Bus;
  /** Undefined: this gateway is the only one. */
  redis?: Redis | undefined;
  clock: Clock;
  log: Log;
  callTimeoutMs: number;
  tokenToleranceMs: number;
  observer: CallObserver;
}

export interface SocketHub {
  /** For the connections. */
  readonly surroundings: SocketSurroundings;
  /** Those whose TCP connection is there. */
  readonly connections: ReadonlySet<Connection>;
  /** The user's sockets. */
  count(userId: string): number;
  add(connection: Connection): void;
  /** Asks for events on behalf of a client that cannot; closes the socket when they cannot be had. Never rejects. */
  listen(connection: Connection): Promise<void>;
  /** Closes the sockets of these sessions. */
  endSessions(sessionIds: readonly string[]): void;
  /** The bus may have lost messages. */
  checkAll(): void;
  /** To be called once a second. */
  tick(): Promise<void>;
  stop(): void;
}

const maxWaitingReads = 20_000;

export function createSocketHub(options: HubOptions): SocketHub {
  const { config, clients, bus, clock, log, callTimeoutMs } = options;
  const messenger = clients.messengerInternal;
  const connections = new Set<Connection>();
  const sessions = new SessionIndex();
  const wheel = new TimerWheel();
  const graceMs = config.PARLEY_PRESENCE_GRACE_SECONDS * 1_000;
  const presence = options.redis
    ? createSharedPresence({ redis: options.redis, bus, clock, graceMs })
    : createLocalPresence({ clock, graceMs });
  const maxRunning = config.PARLEY_RESUME_CONCURRENCY;
  const gate = createGate({ maxRunning, maxWaiting: maxWaitingReads, maxWaitMs: callTimeoutMs });
  const reader = createEventReader(clients.messenger, gate, callTimeoutMs);
  const users = new UserConnections<Connection>(bus, (userId, message) =>
    fanOut.takeUserMessage(userId, message),
  );
  const listenersOf = (userId: string) => users.listenersOf(userId);
  const { telemetry } = options.observer;
  const stats = new RealtimeStats();
  const pushTracing = createPushTracing(telemetry.tracing);
  const fanOut = new FanOut({ bus, reader, log, clock, listenersOf, stats, pushTracing });
  observeRealtime(telemetry, stats, { sockets: () => connections.size, chats: () => fanOut.size });
  const periodSeconds = config.PARLEY_POSITION_CHECK_SECONDS;
  const sweep = new PositionSweep({ users, fanOut, messenger, gate, log, callTimeoutMs, periodSeconds });
  const answerRealtime = createRealtime({
    ...options,
    messenger,
    users,
    fanOut,
    reader,
    gate,
    presence,
    validate: createValidate(),
    onAuthenticated: (connection, formerSessionId) => sessions.move(connection, formerSessionId),
  });

  const surroundings: SocketSurroundings = {
    ...options,
    wheel,
    observer: options.observer.of("websocket"),
    answer: (connection, method, request, trace) =>
      answerRealtime(connection, method, request) ??
      options.call(method, request, trace ? { ...connection.context, trace } : connection.context),
    onClose: (reason) => stats.countClosed(reason),
    onEnd(connection) {
      sessions.remove(connection, connection.context.caller.sessionId);
      presence.unwatch(connection);
      if (users.remove(connection)) presence.leave(connection.userId);
    },
    onGone: (connection) => void connections.delete(connection),
  };

  return {
    surroundings,
    connections,
    count: (userId) => users.count(userId),
    add(connection) {
      connections.add(connection);
      sessions.add(connection);
      if (users.add(connection)) presence.enter(connection.userId);
    },
    async listen(connection) {
      try {
        await answerRealtime(connection, RealtimeService.method.resume, create(ResumeRequestSchema));
      } catch (error) {
        if (connection.isOpen) {
          const { caller } = connection.context;
          const told = toPublicError(error);
          logFailure(log, { told, error, called: "RealtimeService/Resume", trace: undefined, caller });
        }
        connection.close(closeReasons.resync);
      }
    },
    endSessions(sessionIds) {
      for (const id of sessionIds) {
        for (const connection of [...sessions.get(id)]) connection.close(closeReasons.sessionEnded);
      }
    },
    checkAll: () => sweep.checkAll(),
    tick() {
      wheel.tick(clock.now());
      presence.tick();
      return sweep.tick();
    },
    stop: () => presence.stop(),
  };
}

class SessionIndex {
  readonly #bySession = new Map<string, Set<Connection>>();

  get(sessionId: string): Iterable<Connection> {
    return this.#bySession.get(sessionId) ?? [];
  }

  add(connection: Connection) {
    const { sessionId } = connection.context.caller;
    // A user of an outside issuer has no session here.
    if (sessionId === "") return;
    const ofSession = this.#bySession.get(sessionId) ?? new Set();
    this.#bySession.set(sessionId, ofSession.add(connection));
  }

  remove(connection: Connection, sessionId: string) {
    const ofSession = this.#bySession.get(sessionId);
    if (ofSession?.delete(connection) && ofSession.size === 0) this.#bySession.delete(sessionId);
  }

  move(connection: Connection, formerSessionId: string) {
    this.remove(connection, formerSessionId);
    this.add(connection);
  }
}
