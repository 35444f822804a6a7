/**
 * A process's way to a ledger in the database: one exchange at a time, which takes along what gathered meanwhile, each with
 * a deadline, and whether it gets through.
 */
import { createSilenceLimit } from "#platform/silence-limit.ts";

export interface LedgerLineOptions {
  /** Only goes forward. */
  nowMs: () => number;
  onAway(isAway: boolean, error: unknown): void;
  /** Begins an exchange, by \`begin\`. */
  exchange(): void;
  /** An exchange has ended; another one may begin. */
  onFree(): void;
}

export interface Exchange<Reply> {
  call(): Promise<Reply>;
  /** Also when it comes after `onLost`. */
  onReply(reply: Reply): void;
  /** Whoever waits for the reply does so in vain. Called again when an exchange that was late fails as well. */
  onLost(hasFailed: boolean): void;
}

const timeoutMs = 1_000;
const retryMs = 500;

export class LedgerLine {
  readonly #options: LedgerLineOptions;
  #underWay: Promise<void> | undefined;
  #isAway = false;
  #isScheduled = false;
  #isClosing = false;
  #beganAtMs = 0;

  constructor(options: LedgerLineOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  /** The last exchange failed, or is late. */
  get isAway(): boolean {
    return this.#isAway;
  }

  get idleMs(): number {
    return this.#options.nowMs() - this.#beganAtMs;
  }

  /** While it is away: whether to try it again. */
  get isRetryDue(): boolean {
    return this.#isAway && this.idleMs >= retryMs;
  }

  /** There is something to exchange. Not at once: callers of the same turn are asked for together. */
  wake(): void {
    if (this.#isScheduled || !this.#isFree) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isFree) this.#options.exchange();
    });
  }

  /** From now on exchanges begin by \`begin\` alone. */
  close(): void {
    this.#isClosing = true;
  }

  get #isFree(): boolean {
    return !this.isBusy && !this.#isAway && !this.#isClosing;
  }

  /** Only when none is under way. */
  begin<Reply>({ call, onReply, onLost }: Exchange<Reply>): void {
    this.#beganAtMs = this.#options.nowMs();
    const silence = createSilenceLimit(timeoutMs, () => {
      this.#set(true, new Error("the ledger did not answer in time"));
      onLost(false);
    });
    this.#underWay = call()
      .then(
        (reply) => {
          this.#set(false, undefined);
          onReply(reply);
        },
        (error) => {
          this.#set(true, error);
          onLost(true);
        },
      )
      .finally(() => {
        silence.stop();
        this.#underWay = undefined;
        this.#options.onFree();
      });
  }

  /** Waits for the exchange under way; false: the deadline came first. */
  async settled(deadline: Promise<unknown>): Promise<boolean> {
    await Promise.race([this.#underWay, deadline]);
    return !this.isBusy;
  }

  #set(isAway: boolean, error: unknown) {
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    this.#options.onAway(isAway, error);
  }
}
