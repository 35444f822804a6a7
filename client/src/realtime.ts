/** Delivery over the socket: puts the connection and the sync together, and tells the application by events. */
import type { CreateWsTicketResponseJson } from "@parley/api/v2/auth";
import type { EventJson } from "@parley/api/v2/event";
import type { ResumeResponseJson, WatchPresenceResponseJson } from "@parley/api/v2/realtime";
import { ParleyError } from "./error.ts";
import type { ClientState, Emitter, ParleyEvents } from "./events.ts";
import type { CompleteOptions } from "./options.ts";
import type { Rest } from "./rest.ts";
import type { Session } from "./session.ts";
import { type ChatEvent, type PresenceChange, toSearchChange } from "./shapes.ts";
import { type CallDone, createSocketConnection, type SocketConnection } from "./socket-connection.ts";
import { createSync, type Sync } from "./sync.ts";

export interface RealtimeOptions {
  options: CompleteOptions;
  session: Session;
  rest: Rest;
  emitter: Emitter<ParleyEvents>;
  /** A socket was opened. */
  onOpen(): void;
  onState(state: ClientState): void;
}

export interface Realtime {
  readonly isOpen: boolean;
  /** Whether a connection is wanted, be it there or not. */
  readonly isStarted: boolean;
  /** Resolves when delivery has started for the first time; rejects when it was stopped before. */
  start(): Promise<void>;
  stop(reason: ParleyError): void;
  wake(): void;
  abandon(): void;
  call(method: string, params: unknown, done: CallDone): void;
  /** Gives the token to the open socket, before the one it was opened with expires. */
  authenticate(accessToken: string): void;
  watchPresence(userIds: string[]): Promise<PresenceChange[]>;
  positions(): Record<string, number>;
  /** Forgets the positions: another user comes. */
  reset(): void;
}

/** The close code of a session that was ended, as the server's docs list it. */
const sessionEndedCode = 4403;
/** Between tries to renew while the server is away. */
const minRenewalMs = 1000;
/** Timers cannot wait longer. */
const maxTimerMs = 2 ** 31 - 1;

export function createRealtime(parts: RealtimeOptions): Realtime {
  const { options, session, emitter } = parts;
  let started: PromiseWithResolvers<void> | undefined;
  let watched: string[] = [];
  let renewTimer: ReturnType<typeof setTimeout> | undefined;

  const sync: Sync = createSync({
    resume: (positions, done) =>
      connection.call("RealtimeService/Resume", { positions }, (error, answer) =>
        done(error, (answer ?? {}) as ResumeResponseJson),
      ),
    onEvent: (event) => emitChatEvent(emitter, event),
    onEphemeral: (event) => emitEphemeral(emitter, event),
    onRefetch: (refetch) => emitter.emit("refetch", refetch),
    onResumed() {
      started?.resolve();
      parts.onState("online");
    },
    userId: () => session.user?.id,
    positions: options.positions,
    backoff: options.backoff,
    random: options.random,
  });

  const connection: SocketConnection = createSocketConnection({
    openSocket: options.webSocket,
    authorise: (lastFailed) => authorise(parts, lastFailed),
    onOpen() {
      scheduleRenewal();
      sync.onOpen();
      parts.onOpen();
      if (watched.length > 0) watch().then((presence) => tellPresence(presence), ignore);
    },
    onPush(frame) {
      if (frame.events) sync.onEvents(frame.events as EventJson[]);
      if (frame.positions) sync.onPositions(frame.positions);
    },
    onDown() {
      sync.onDown();
      parts.onState("connecting");
    },
    onIdle() {
      // Costs the server next to nothing; without an answer the connection is taken for lost.
      session.accessToken().then(authenticate, ignore);
    },
    onStopped(reason) {
      clearTimeout(renewTimer);
      sync.onDown();
      started?.reject(reason);
      started = undefined;
      parts.onState(reason.code === "signed-out" ? "signed-out" : "offline");
    },
    sessionEnded: (code) => code === sessionEndedCode,
    callTimeoutMs: options.timeoutMs,
    keepAliveMs: options.keepAliveMs,
    backoff: options.backoff,
    random: options.random,
  });

  function authenticate(accessToken: string): void {
    // When it is refused, the server closes the socket as the old token expires, and the next one shows who we are.
    if (connection.isOpen) connection.call("RealtimeService/Authenticate", { accessToken }, ignore);
  }

  /** Keeps the token fresh as long as a connection is wanted; what is renewed reaches the socket by onRenewed. */
  function scheduleRenewal(): void {
    const waitMs = Math.min(Math.max(session.renewInMs() ?? 0, minRenewalMs), maxTimerMs);
    clearTimeout(renewTimer);
    renewTimer = setTimeout(async () => {
      await session.accessToken().catch(ignore);
      if (started) scheduleRenewal();
    }, waitMs);
  }

  async function watch(): Promise<PresenceChange[]> {
    const answer = await new Promise<WatchPresenceResponseJson>((resolve, reject) => {
      connection.call("RealtimeService/WatchPresence", { userIds: watched }, (error, result) =>
        error ? reject(error) : resolve(result as WatchPresenceResponseJson),
      );
    });
    return (answer.presence ?? []).map(({ userId = "", online = false }) => ({ userId, online }));
  }

  function tellPresence(presence: PresenceChange[]): void {
    for (const change of presence) emitter.emit("presence", change);
  }

  return {
    get isOpen() {
      return connection.isOpen;
    },
    get isStarted() {
      return started !== undefined;
    },
    start() {
      if (!started) {
        started = Promise.withResolvers();
        started.promise.catch(ignore);
        parts.onState("connecting");
        connection.start();
      }
      return started.promise;
    },
    stop: connection.stop,
    wake: connection.wake,
    abandon: connection.abandon,
    call: connection.call,
    authenticate(accessToken) {
      if (started) scheduleRenewal();
      authenticate(accessToken);
    },
    async watchPresence(userIds) {
      watched = userIds;
      return connection.isOpen ? watch() : [];
    },
    positions: sync.positions,
    reset: sync.reset,
  };
}

function ignore(): void {}

async function authorise({ options, session, rest }: RealtimeOptions, lastFailed: boolean) {
  const url = `${options.url.replace(/^http/, "ws")}/v2/ws`;
  const accessToken = await session.accessToken();
  // A refused handshake does not say why. Asking for a ticket does, and so renews a token that was refused.
  if (options.socketAuth === "header" && !lastFailed) {
    return { url, headers: { authorization: `Bearer ${accessToken}` } };
  }
  const { ticket } = await rest.call<CreateWsTicketResponseJson>("POST", "/v2/ws-tickets", {});
  if (!ticket) throw new ParleyError("internal", { detail: "The server gave no ticket" });
  return { url: `${url}?ticket=${encodeURIComponent(ticket)}` };
}

function emitChatEvent(emitter: Emitter<ParleyEvents>, event: ChatEvent): void {
  emitter.emit("event", event);
  const { kind, message, reaction, membership, chat, chatId } = event;
  if (message) {
    if (isMessageKind(kind)) emitter.emit(kind, message, event);
  } else if (reaction) emitter.emit("reaction", reaction, event);
  else if (membership) emitter.emit("membership", membership, event);
  else if (chat) emitter.emit("chat", { ...chat, chatId });
}

const messageKinds = ["message", "edit", "delete", "processed", "attachments"] as const;

function isMessageKind(kind: string): kind is (typeof messageKinds)[number] {
  return (messageKinds as readonly string[]).includes(kind);
}

function emitEphemeral(emitter: Emitter<ParleyEvents>, event: EventJson): void {
  const { kind, chatId = "", actorId = "", read, presence, chat, process, search } = event;
  if (kind === "typing") emitter.emit("typing", { chatId, userId: actorId });
  else if (read) emitter.emit("read", { chatId, userId: read.userId ?? "", no: read.no ?? 0 });
  else if (presence)
    emitter.emit("presence", { userId: presence.userId ?? "", online: presence.online ?? false });
  else if (process) emitter.emit("process", { id: process.id ?? "", status: process.status ?? "" });
  else if (search) emitter.emit("search", toSearchChange(search));
  else if (chat) {
    const { kind: chatKind = "", title = "", processor = "", language = "" } = chat;
    emitter.emit("chat", { kind: chatKind, title, processor, language, chatId });
  }
}
