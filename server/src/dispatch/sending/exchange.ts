/** One request at a provider: from the wait for a connection to what came of it. */
import type { Dispatcher } from "undici";
import type { Adapter } from "#dispatch/sending/adapters/adapter.ts";
import { maxAnswerBytes, readBody, readHead } from "#dispatch/sending/answer.ts";
import { lostOutcome, unsentOutcome } from "#dispatch/sending/failure.ts";
import type { AnswerHeaders } from "#dispatch/sending/retry-after.ts";
import type { ProviderRequest, SendOutcome } from "#dispatch/sending/sender.ts";

/** What is left of an answer that is of no more use may take so long and be so large, or the connection ends. */
const drainMs = 100;
const maxDrainBytes = 65_536;

/** Thrown in onRequestStart it ends the request before anything is written, and leaves the connection as it is. */
const notToBeSent = new Error("not to be sent");
const givenUp = new Error("given up");

/** What it is a request to. */
export interface ExchangeLine {
  readonly adapter: Adapter;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  /** A request that has less time than this and does not get through in it is not the provider's failure. */
  readonly patienceMs: number;
  /** Requests that may still be answered. */
  readonly open: Set<Exchange>;
  /** Requests that have no connection yet, also given up ones. */
  waiting: number;
  /** Each request ends, in one way or another. sentAtMs is by performance.now(). */
  ended(outcome: SendOutcome, sentAtMs: number | undefined, error: Error | undefined): void;
}

/** The methods with the prefix "on" are called by undici, in the order in which they stand here. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #line: ExchangeLine;
  readonly #request: ProviderRequest;
  readonly #settle: (outcome: SendOutcome) => void;
  readonly #cancel = () => this.cancel();
  readonly #beganAtMs = performance.now();
  #sentAtMs: number | undefined;
  #isWaiting = true;
  #isSettled = false;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(line: ExchangeLine, request: ProviderRequest, settle: (outcome: SendOutcome) => void) {
    this.#line = line;
    this.#request = request;
    this.#settle = settle;
    line.waiting += 1;
    line.open.add(this);
    request.signal?.addEventListener("abort", this.#cancel);
    this.#endAfter(line.connectTimeoutMs, "connect");
  }

  /** Also when undici would send it once more by itself, which must not be. */
  onRequestStart(controller: Dispatcher.DispatchController) {
    this.#stopWaiting();
    if (this.#isSettled) throw notToBeSent;
    if (this.#sentAtMs !== undefined) {
      this.#end({ kind: "unknown", reason: "connection-lost" });
      throw notToBeSent;
    }
    if (!this.#maySend()) {
      this.#end({ kind: "unsent", reason: "too-late" });
      throw notToBeSent;
    }
    this.#controller = controller;
    this.#sentAtMs = performance.now();
    this.#endAfter(this.#line.timeoutMs, "timeout");
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders) {
    if (this.#isSettled || status < 200) return;
    const outcome = readHead(this.#line.adapter, status, headers);
    if (!outcome) return;
    this.#end(outcome);
    this.#timer = setTimeout(() => this.#giveUp(), drainMs);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer) {
    this.#bytes += chunk.length;
    if (this.#isSettled) {
      if (this.#bytes > maxDrainBytes) this.#giveUp();
      return;
    }
    if (this.#bytes <= maxAnswerBytes) {
      this.#chunks.push(chunk);
      return;
    }
    this.#end({ kind: "failed", reason: "too-large" });
    this.#giveUp();
  }

  onResponseEnd() {
    clearTimeout(this.#timer);
    if (!this.#isSettled) this.#end(readBody(this.#line.adapter, this.#chunks));
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error) {
    this.#stopWaiting();
    clearTimeout(this.#timer);
    if (this.#isSettled) return;
    const isSent = this.#sentAtMs !== undefined;
    this.#end(isSent ? lostOutcome(error) : unsentOutcome(error), error);
  }

  /** Nobody waits for it any more. */
  cancel() {
    if (this.#isSettled) return;
    this.#end({ kind: this.#sentAtMs === undefined ? "unsent" : "unknown", reason: "cancelled" });
    this.#giveUp();
  }

  #maySend(): boolean {
    try {
      return this.#request.onSend();
    } catch {
      return false;
    }
  }

  /** A deadline of the caller's that leaves the provider too little time says nothing about the provider. */
  #endAfter(limitMs: number, reason: "connect" | "timeout") {
    clearTimeout(this.#timer);
    const { timeoutMs } = this.#request;
    const leftMs = timeoutMs - (performance.now() - this.#beganAtMs);
    this.#timer = setTimeout(
      () => {
        if (timeoutMs < this.#line.patienceMs) return this.cancel();
        this.#end(reason === "connect" ? { kind: "unsent", reason } : { kind: "unknown", reason });
        this.#giveUp();
      },
      Math.max(0, Math.min(limitMs, leftMs)),
    );
  }

  #stopWaiting() {
    if (this.#isWaiting) this.#line.waiting -= 1;
    this.#isWaiting = false;
  }

  #end(outcome: SendOutcome, error?: Error) {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener("abort", this.#cancel);
    this.#line.open.delete(this);
    this.#line.ended(outcome, this.#sentAtMs, error);
    this.#settle(outcome);
  }

  /** A request that waits for a connection stays in line; it will not be sent when it has one. */
  #giveUp() {
    clearTimeout(this.#timer);
    this.#controller?.abort(givenUp);
  }
}
