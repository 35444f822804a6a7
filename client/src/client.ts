/**
 * The Parley client: accounts, chats, live delivery and sending, for browsers and Node.
 *
 * A start without races: first `connect()`, then `listChats()`, then apply the events that came since, leaving out
 * those with a seq not above the `lastSeq` of the listed chat. Delivery begins before the list is read, so nothing
 * falls between the two.
 */
import { type AttachmentCalls, createAttachments } from "./attachments.ts";
import { type Blobs, createBlobs } from "./blob-calls.ts";
import { createByteCalls } from "./byte-calls.ts";
import { createByteExchange } from "./byte-exchange.ts";
import { type Calls, createCalls } from "./calls.ts";
import { ParleyError } from "./error.ts";
import { type ClientState, createEmitter, type Emitter, type ParleyEvents } from "./events.ts";
import { exchange, type HttpOptions } from "./http.ts";
import { completeOptions, type ParleyClientOptions } from "./options.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { OutboxEntry, SentFile } from "./outbox-store.ts";
import { createRealtime, type Realtime } from "./realtime.ts";
import { createRest } from "./rest.ts";
import { createSearchCalls, type SearchCalls } from "./search-calls.ts";
import { createSendTransport } from "./send-transport.ts";
import { createSession, type Session } from "./session.ts";
import type { Message, PresenceChange, User } from "./shapes.ts";
import { watchNetwork } from "./watch-network.ts";

export type { UploadOptions } from "./attachments.ts";
export type { BlobPage, Blobs, BlobUsage, DownloadLink, GetOptions } from "./blob-calls.ts";
export type { BlobContent, DirectPutOptions, Progress, PutOptions } from "./blob-puts.ts";
export type { BlobInfo, Download } from "./blob-shapes.ts";
export type { ChatChanges, NewChat, ProcessOptions } from "./calls.ts";
export { isTransient, ParleyError } from "./error.ts";
export type { ClientState, ParleyEvents, Refetch } from "./events.ts";
export type { OpenSocket, SocketLike } from "./open-socket.ts";
export type { ParleyClientOptions } from "./options.ts";
export {
  localStorageOutboxStore,
  type OutboxEntry,
  type OutboxStore,
  type SentFile,
  type StoredEntry,
} from "./outbox-store.ts";
export type { SearchResults, SearchTasks, WaitOptions } from "./search-calls.ts";
export { areResultsLost } from "./search-calls.ts";
export type * from "./shapes.ts";
export {
  localStorageTokenStore,
  memoryTokenStore,
  type SessionTokens,
  type TokenStore,
} from "./token-store.ts";

export interface ParleyClient extends Calls, SearchCalls, AttachmentCalls {
  readonly blobs: Blobs;
  readonly state: ClientState;
  /** Who is signed in; undefined also while a stored session was not restored yet. */
  readonly user: User | undefined;
  on: Emitter<ParleyEvents>["on"];

  signUp(account: { email: string; password: string; name: string }): Promise<void>;
  signIn(credentials: { email: string; password: string }): Promise<User>;
  /** Takes up the session of the token store, if there is one. */
  restore(): Promise<User | undefined>;
  /** Fetches a new access token now, and with `sessionCookie` a new cookie. */
  renewSession(): Promise<void>;
  /** Unsent messages are given up. */
  signOut(): Promise<void>;

  /**
   * Keeps a connection from now on. Resolves when delivery has started; keeps trying until then. Rejects with
   * "signed-out" when there is no session.
   */
  connect(): Promise<void>;
  disconnect(): void;
  /** The seq per chat up to which events were delivered; give it to the next client as `positions`. */
  positions(): Record<string, number>;

  /**
   * Puts a message into the outbox. Resolves when the server has stored it; rejects when the server refused it. A
   * lost connection only delays it. Messages of one chat are stored in the order of these calls. With attachments the
   * text may be empty.
   */
  sendMessage(
    chatId: string,
    text: string,
    options?: { replyTo?: string; clientId?: string; attachments?: readonly SentFile[] },
  ): Promise<Message>;
  /** Messages that are pending or failed. */
  outbox(chatId?: string): OutboxEntry[];
  retryMessage(clientId: string): void;
  /** Gives up a failed message. */
  discardMessage(clientId: string): void;

  /** Call it at every key press: it tells the others every 3 s at most. */
  sendTyping(chatId: string): void;
  /** Who of these is online, and "presence" events from now on, also after a reconnect. Replaces the list before. */
  watchPresence(userIds: string[]): Promise<PresenceChange[]>;
  /** Any call of the API over the open socket, e.g. ("MessengerService/ListMessages", { chatId }). */
  call<T>(method: string, params: unknown): Promise<T>;

  /** Ends everything; stored sessions and stored unsent messages stay. */
  close(): void;
}

export function createParleyClient(given: ParleyClientOptions): ParleyClient {
  const options = completeOptions(given);
  const { url, fetch, timeoutMs, backoff, random, now } = options;
  const closing = new AbortController();
  const http: HttpOptions = { url, fetch, timeoutMs, closed: closing.signal };
  const persistence = { backoff, random, closed: closing.signal, maxWaitMs: timeoutMs };
  const emitter = createEmitter<ParleyEvents>();
  const typing = new Map<string, number>();
  let state: ClientState = "offline";
  let userId: string | undefined;

  const session: Session = createSession({
    http,
    store: options.tokenStore,
    setCookie: options.sessionCookie,
    now,
    onRenewed({ user, accessToken }) {
      if (userId !== undefined && userId !== user.id) {
        realtime.stop(new ParleyError("closed"));
        realtime.reset();
      }
      userId = user.id;
      if (state === "signed-out") setState("offline");
      outbox.open(user.id);
      outbox.wake();
      realtime.authenticate(accessToken);
    },
    onEnded() {
      realtime.stop(new ParleyError("signed-out"));
      setState("signed-out");
    },
  });
  const rest = createRest({ http, session, persistence });
  const { sendBytes, stallMs, uploadPartBytes: partBytes } = options;
  const exchangeBytes = createByteExchange({ http, sendBytes, stallMs });
  const bytes = createByteCalls({ url, session, exchange: exchangeBytes });
  const blobs = createBlobs({ calls: bytes, exchange: exchangeBytes, rest, persistence, partBytes });
  const attachments = createAttachments({ blobs, calls: bytes, persistence, url });
  const onOpen = () => outbox.wake();
  const realtime: Realtime = createRealtime({ options, session, rest, emitter, onOpen, onState: setState });
  const outbox: Outbox = createOutbox({
    transport: createSendTransport({ session, rest, realtime, maxInFlight: options.maxInFlight }),
    store: options.outboxStore,
    onChange(entry) {
      emitter.emit("outbox", entry);
      if (entry.state === "sent") attachments.release(entry);
    },
    maxQueued: options.maxQueued,
    maxPerSecond: options.maxSendsPerSecond,
    backoff,
    random,
    now,
  });
  const nextClientId = createIdSource();
  const stopListening = watchNetwork(realtime);

  function setState(next: ClientState): void {
    if (next === state) return;
    state = next;
    emitter.emit("state", next);
    if (next === "signed-out") void session.forget();
  }

  return {
    ...createCalls(rest),
    ...attachments.calls,
    blobs,
    ...createSearchCalls({ rest, on: emitter.on, closed: closing.signal }),
    get state() {
      return state;
    },
    get user() {
      return session.user;
    },
    on: emitter.on,
    async signUp(account) {
      await exchange(http, { method: "POST", path: "/v2/auth/sign-up", body: account });
    },
    signIn: ({ email, password }) => session.signIn(email, password),
    restore: session.restore,
    async renewSession() {
      await session.renew();
    },
    async signOut() {
      outbox.close(new ParleyError("signed-out"), { keepStored: false });
      await session.signOut();
    },
    async connect() {
      if (!(await session.restore())) throw new ParleyError("signed-out", { detail: "Sign in first" });
      await realtime.start();
    },
    disconnect: () => realtime.stop(new ParleyError("closed")),
    positions: realtime.positions,
    // Not async: the outbox hears of the promises that nobody handles.
    sendMessage(chatId, text, { replyTo = "", clientId = nextClientId(), attachments: files = [] } = {}) {
      if (!session.user) return Promise.reject(new ParleyError("signed-out", { detail: "Sign in first" }));
      return outbox.add({ clientId, chatId, text, replyTo, attachments: files });
    },
    outbox: outbox.entries,
    retryMessage: outbox.retry,
    discardMessage(clientId) {
      const entry = outbox.entries().find((held) => held.clientId === clientId);
      outbox.discard(clientId);
      if (entry?.state === "discarded") attachments.release(entry);
    },
    sendTyping(chatId) {
      if (!realtime.isOpen || now() - (typing.get(chatId) ?? 0) < typingIntervalMs) return;
      typing.set(chatId, now());
      realtime.call("RealtimeService/SendTyping", { chatId }, () => {});
    },
    watchPresence: realtime.watchPresence,
    call: (method, params) =>
      new Promise((resolve, reject) => {
        realtime.call(method, params, (error, result) => (error ? reject(error) : resolve(result as never)));
      }),
    close() {
      stopListening();
      closing.abort();
      realtime.stop(new ParleyError("closed"));
      outbox.close(new ParleyError("closed"), { keepStored: true });
    },
  };
}

const typingIntervalMs = 3000;

/** Unique among all messages of the user; randomUUID does not exist in pages that came without TLS. */
function createIdSource(): () => string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const prefix = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  let count = 0;
  return () => `${prefix}-${++count}`;
}
