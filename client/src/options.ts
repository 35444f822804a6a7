/** What a client can be told, and what it does when it is told nothing. */
import type { BackoffOptions } from "./backoff.ts";
import { type OpenSocket, openGlobalSocket, socketsSendHeaders } from "./open-socket.ts";
import type { OutboxStore } from "./outbox-store.ts";
import { type SendBytes, sendByFetch, sendByXhr } from "./send-bytes.ts";
import { memoryTokenStore, type TokenStore } from "./token-store.ts";

export interface ParleyClientOptions {
  /** Base URL of the server, e.g. "https://chat.example.org". */
  url: string;
  /** Default: in memory. Browsers: localStorageTokenStore(). */
  tokenStore?: TokenStore;
  /** Default: unsent messages end with the client. Browsers: localStorageOutboxStore(). */
  outboxStore?: OutboxStore;
  /** Default: the platform's WebSocket. With `ws`: (url, protocol, headers) => new WebSocket(url, protocol, { headers }). */
  webSocket?: OpenSocket;
  /** How sockets show who they are. Default: "header" in Node, "ticket" in browsers, which cannot send headers. */
  socketAuth?: "header" | "ticket";
  fetch?: typeof fetch;
  /**
   * For pages of the server's own origin: a cookie, which scripts cannot read, lets the browser load attachments by
   * their URLs. Default: false.
   */
  sessionCookie?: boolean;
  /** For tests. Default: XMLHttpRequest where there is one, else fetch. */
  sendBytes?: SendBytes;
  /** Where an earlier run stopped (see `positions()`): what happened since then is delivered first. */
  positions?: Record<string, number>;
  /** How long an HTTP call, or a call over the socket, may take. Default: 15,000. */
  timeoutMs?: number;
  /** A transfer of bytes may take any time, but not stand still for longer than this. Default: 60,000. */
  stallMs?: number;
  /** What is larger is uploaded resumably, in parts of this size. Default: 16 MiB. */
  uploadPartBytes?: number;
  /** A socket that is silent for so long is probed. Default: 45,000; 0: never. */
  keepAliveMs?: number;
  /** Messages that may wait in the outbox. Default: 10,000. */
  maxQueued?: number;
  /** Sends in flight over the socket. Default: 128; a server takes 256 calls of a socket at a time by default. */
  maxInFlight?: number;
  /** Default: 400; a server takes 500 frames a second from a socket by default. */
  maxSendsPerSecond?: number;
  /** Default: from 250 to 30,000 ms, with full jitter. */
  backoff?: BackoffOptions;
  /** For tests. */
  random?: () => number;
  /** For tests: milliseconds since 1970. */
  now?: () => number;
}

export type CompleteOptions = Required<Omit<ParleyClientOptions, "outboxStore">> &
  Pick<ParleyClientOptions, "outboxStore">;

export function completeOptions(options: ParleyClientOptions): CompleteOptions {
  // Browsers call fetch only as a function of the global object.
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  return {
    tokenStore: memoryTokenStore(),
    webSocket: openGlobalSocket,
    socketAuth: socketsSendHeaders ? "header" : "ticket",
    fetch,
    sessionCookie: false,
    sendBytes: typeof XMLHttpRequest === "undefined" || options.fetch ? sendByFetch(fetch) : sendByXhr,
    positions: {},
    timeoutMs: 15_000,
    stallMs: 60_000,
    uploadPartBytes: 16 * 1024 * 1024,
    keepAliveMs: 45_000,
    maxQueued: 10_000,
    maxInFlight: 128,
    maxSendsPerSecond: 400,
    backoff: { minMs: 250, maxMs: 30_000 },
    random: Math.random,
    now: Date.now,
    ...withoutUndefined(options),
    url: options.url.replace(/\/+$/, ""),
  };
}

function withoutUndefined(options: ParleyClientOptions): ParleyClientOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ParleyClientOptions;
}
