/**
 * One logical connection over many WebSockets: connects, calls, and connects again with jittered back-off. What was
 * asked and not answered when a socket goes is answered with the error "network".
 */
import { type BackoffOptions, createBackoff } from "./backoff.ts";
import { ParleyError, type Violation } from "./error.ts";
import type { OpenSocket, SocketLike } from "./open-socket.ts";

export type CallDone = (error: ParleyError | undefined, result: unknown) => void;

export interface PushFrame {
  events?: unknown[];
  positions?: Record<string, number>;
}

export interface SocketConnectionOptions {
  openSocket: OpenSocket;
  /**
   * Where to connect, and as whom. `lastFailed`: the handshake before was refused; why, only an HTTP call can tell.
   * Rejects with "signed-out" when there is no session: then the connection stops.
   */
  authorise(lastFailed: boolean): Promise<{ url: string; headers?: Record<string, string> }>;
  onOpen(): void;
  onPush(frame: PushFrame): void;
  /** A socket that was open is gone; another will be opened. */
  onDown(): void;
  onStopped(error: ParleyError): void;
  /** Nothing was received for `keepAliveMs`: a call would show whether the socket still lives. */
  onIdle(): void;
  /** 0: never. */
  keepAliveMs: number;
  /** Says whether a close code means that the session has ended. */
  sessionEnded(closeCode: number): boolean;
  /** A call without an answer for so long means that the socket is dead. */
  callTimeoutMs: number;
  backoff: BackoffOptions;
  random: () => number;
}

export interface SocketConnection {
  readonly isOpen: boolean;
  start(): void;
  stop(reason: ParleyError): void;
  /** Connects at once instead of waiting for the back-off, when there is reason to believe that it works now. */
  wake(): void;
  /** Lets go of the present socket, when there is reason to believe that it is dead, and connects again. */
  abandon(): void;
  /** `done` is called exactly once; never before this function has returned. */
  call(method: string, params: unknown, done: CallDone): void;
}

const subprotocol = "parley.v2.json";
const sweepMs = 1000;
/** A socket that lived so long was a good one: the next back-off starts from the beginning. */
const stableMs = 10_000;

interface Pending {
  done: CallDone;
  sweep: number;
}

interface AnswerFrame {
  id: number;
  result?: unknown;
  error?: {
    code: string;
    message: string;
    violations?: Violation[];
    retryAfterMs?: number;
    traceId?: string;
  };
}

export function createSocketConnection(options: SocketConnectionOptions): SocketConnection {
  const backoff = createBackoff(options.backoff, options.random);
  // In the order of asking, and so of the deadlines too: only the oldest has to be looked at.
  const pending = new Map<number, Pending>();
  let socket: SocketLike | undefined;
  let isOpen = false;
  let isStarted = false;
  // Counts the attempts: what belongs to an earlier one must not touch the present one.
  let attempt = 0;
  let lastFailed = false;
  let nextId = 1;
  let openedAtSweep = 0;
  let heardAtSweep = 0;
  // A coarse clock: one timer for all deadlines of the connection.
  let sweep = 0;
  let sweepTimer: ReturnType<typeof setInterval> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  async function connect(): Promise<void> {
    const mine = ++attempt;
    retryTimer = undefined;
    openedAtSweep = sweep;
    try {
      const { url, headers } = await options.authorise(lastFailed);
      if (mine !== attempt) return;
      adopt(options.openSocket(url, subprotocol, headers), mine);
    } catch (error) {
      if (mine !== attempt) return;
      const reason = error instanceof ParleyError ? error : new ParleyError("network", { cause: error });
      if (reason.code === "signed-out" || reason.code === "closed") return stopped(reason);
      lost(reason.retryAfterMs);
    }
  }

  function adopt(opened: SocketLike, mine: number): void {
    socket = opened;
    opened.onopen = () => {
      if (mine !== attempt) return;
      isOpen = true;
      lastFailed = false;
      openedAtSweep = sweep;
      heardAtSweep = sweep;
      options.onOpen();
    };
    opened.onmessage = (event: { data: unknown }) => {
      if (mine === attempt) receive(event.data);
    };
    // An error is always followed by a close; without a listener the `ws` package would throw it.
    opened.onerror = () => {};
    opened.onclose = (event: { code: number }) => {
      if (mine !== attempt) return;
      if (options.sessionEnded(event.code)) return stopped(new ParleyError("signed-out"));
      lost();
    };
  }

  function receive(data: unknown): void {
    heardAtSweep = sweep;
    let frame: AnswerFrame & PushFrame;
    try {
      frame = JSON.parse(data as string);
    } catch {
      lost();
      return;
    }
    if (frame.id === undefined) options.onPush(frame);
    else answer(frame);
  }

  function answer({ id, error, result }: AnswerFrame): void {
    const call = pending.get(id);
    if (!call) return;
    pending.delete(id);
    call.done(error && toError(error), result);
  }

  /** The present socket is of no use any more, whether it closed by itself or not. */
  function lost(atLeastMs = 0): void {
    const wasOpen = drop();
    if (!wasOpen) lastFailed = true;
    if (wasOpen && (sweep - openedAtSweep) * sweepMs >= stableMs) backoff.reset();
    if (isStarted) retryTimer = setTimeout(connect, backoff.nextMs(atLeastMs));
    failPending(new ParleyError("network", { detail: "The connection was lost" }));
    if (wasOpen) options.onDown();
  }

  function drop(): boolean {
    const wasOpen = isOpen;
    attempt++;
    isOpen = false;
    try {
      socket?.close();
    } catch {
      // Some implementations throw when it is not open yet.
    }
    socket = undefined;
    return wasOpen;
  }

  function failPending(error: ParleyError): void {
    const calls = [...pending.values()];
    pending.clear();
    for (const call of calls) call.done(error, undefined);
  }

  function stopped(reason: ParleyError): void {
    if (!isStarted) return;
    isStarted = false;
    clearInterval(sweepTimer);
    clearTimeout(retryTimer);
    retryTimer = undefined;
    drop();
    failPending(reason);
    options.onStopped(reason);
  }

  function onSweep(): void {
    sweep++;
    const timeoutSweeps = Math.ceil(options.callTimeoutMs / sweepMs);
    const oldest = pending.values().next().value?.sweep ?? sweep;
    const isStuckOpening = socket !== undefined && !isOpen && sweep - openedAtSweep > timeoutSweeps;
    if (sweep - oldest > timeoutSweeps || isStuckOpening) lost();
    else if (isOpen && options.keepAliveMs > 0 && (sweep - heardAtSweep) * sweepMs >= options.keepAliveMs) {
      heardAtSweep = sweep;
      options.onIdle();
    }
  }

  return {
    get isOpen() {
      return isOpen;
    },
    start() {
      if (isStarted) return;
      isStarted = true;
      sweepTimer = setInterval(onSweep, sweepMs);
      void connect();
    },
    stop: stopped,
    wake() {
      if (retryTimer === undefined) return;
      clearTimeout(retryTimer);
      void connect();
    },
    abandon() {
      if (socket) lost();
    },
    call(method, params, done) {
      if (!socket || !isOpen) {
        queueMicrotask(() => done(new ParleyError("network", { detail: "Not connected" }), undefined));
        return;
      }
      const id = nextId++;
      pending.set(id, { done, sweep });
      socket.send(JSON.stringify({ id, call: method, params }));
    },
  };
}

function toError(error: NonNullable<AnswerFrame["error"]>): ParleyError {
  const { code, message: detail, violations = [], retryAfterMs, traceId } = error;
  return new ParleyError(code, { detail, violations, retryAfterMs, traceId });
}
