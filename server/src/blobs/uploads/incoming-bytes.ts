/**
 * The bytes of an append as its client sends them: taken piece by piece, until it ends, breaks off, or stalls. A client
 * that goes away is an end like any other: what has come counts.
 */
export interface IncomingBytes {
  /** Whether a byte waits to be taken; waits for it. */
  hasMore(): Promise<boolean>;
  /** At most so many, and fewer once the time is over; each only once. */
  take(limits: { maxBytes: number; untilMs: number }): AsyncGenerator<Uint8Array>;
  /** What broke it off; undefined: it came to its end, or has not yet. */
  readonly failure: unknown;
  /** Lets go of the client's stream. */
  close(): void;
}

export interface IncomingOptions {
  /** Aborts when the client has gone. */
  signal: AbortSignal;
  /** How long the client may say nothing. */
  idleMs: number;
}

const none = new Uint8Array();

export function createIncomingBytes(
  chunks: AsyncIterable<Uint8Array>,
  { signal, idleMs }: IncomingOptions,
): IncomingBytes {
  const iterator = chunks[Symbol.asyncIterator]();
  let interrupt: ((reason: unknown) => void) | undefined;
  const onAbort = () => interrupt?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const idle = setTimeout(() => interrupt?.(new Error("the client has sent nothing for too long")), idleMs);
  idle.unref();
  let rest: Uint8Array = none;
  let hasEnded = false;
  let failure: unknown;
  /** Of the chunk that is being waited for. */
  let arrival: Promise<void> | undefined;

  /** Not a race with one promise for all: each race would stay in its memory until the upload ends. */
  function next(): Promise<IteratorResult<Uint8Array>> {
    signal.throwIfAborted();
    idle.refresh();
    return new Promise((resolve, reject) => {
      interrupt = reject;
      iterator.next().then(resolve, reject);
    });
  }

  async function receive(): Promise<void> {
    try {
      const { done, value } = await next();
      if (done) hasEnded = true;
      else rest = value;
    } catch (error) {
      hasEnded = true;
      failure = error;
    }
    interrupt = undefined;
    arrival = undefined;
  }

  /** Once the time is over, what is there by then. */
  async function hasMore(untilMs?: number): Promise<boolean> {
    while (rest.length === 0 && !hasEnded) {
      arrival ??= receive();
      if (untilMs === undefined) await arrival;
      else if (!(await comesUntil(arrival, untilMs))) break;
    }
    return rest.length > 0;
  }

  return {
    hasMore: () => hasMore(),
    async *take({ maxBytes, untilMs }) {
      let left = maxBytes;
      while (left > 0 && performance.now() < untilMs && (await hasMore(untilMs))) {
        const chunk = rest.subarray(0, left);
        rest = rest.subarray(chunk.length);
        left -= chunk.length;
        yield chunk;
      }
    },
    get failure() {
      return failure;
    },
    close() {
      clearTimeout(idle);
      signal.removeEventListener("abort", onAbort);
      hasEnded = true;
      void Promise.resolve(iterator.return?.()).catch(() => {});
    },
  };
}

/** What setTimeout can hold. */
const maxTimerMs = 2_147_483_647;

/** Whether it has come when the time is over. */
async function comesUntil(arrival: Promise<void>, untilMs: number): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const leftMs = Math.min(maxTimerMs, Math.max(0, untilMs - performance.now()));
  const timer = setTimeout(() => over.resolve(false), leftMs);
  arrival.then(() => over.resolve(true));
  return over.promise.finally(() => clearTimeout(timer));
}

/** Of a client that sends none. */
export const noBytes: IncomingBytes = {
  hasMore: async () => false,
  async *take() {},
  failure: undefined,
  close() {},
};
