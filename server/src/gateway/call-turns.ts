/**
 * A fair share for everybody: of one caller's calls only so many are under way at once; more wait for their turn, and
 * beyond a bound they are refused. So nobody's flood takes all connections to the database, or all places in the
 * password hashing queue.
 */
import { fault } from "#platform/errors.ts";

export interface CallTurnsOptions {
  maxUnderWay: number;
  maxWaiting: number;
}

interface Turn {
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

interface Share {
  underWay: number;
  waiting: Set<() => void>;
}

export interface CallTurns {
  /** Runs the work when the caller's turn comes, unless it has timed out or was aborted before. */
  run<T>(caller: string, turn: Turn, work: () => Promise<T>): Promise<T>;
}

export function createCallTurns({ maxUnderWay, maxWaiting }: CallTurnsOptions): CallTurns {
  const shares = new Map<string, Share>();

  function leave(caller: string, share: Share) {
    const [next] = share.waiting;
    if (next) {
      // The place is handed on, so underWay stays as it is.
      share.waiting.delete(next);
      next();
      return;
    }
    share.underWay -= 1;
    if (share.underWay === 0) shares.delete(caller);
  }

  return {
    async run(caller, turn, work) {
      const share = shares.get(caller) ?? { underWay: 0, waiting: new Set() };
      shares.set(caller, share);
      if (share.underWay < maxUnderWay) share.underWay += 1;
      else if (share.waiting.size >= maxWaiting) throw fault("too-many-requests");
      else await waitForTurn(share.waiting, turn);
      try {
        return await work();
      } finally {
        leave(caller, share);
      }
    },
  };
}

function waitForTurn(waiting: Set<() => void>, { timeoutMs, signal }: Turn): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: Error) => {
      waiting.delete(onTurn);
      settle();
      reject(error);
    };
    const onTurn = () => {
      settle();
      resolve();
    };
    const onAbort = () => giveUp(fault("cancelled"));
    const timer = setTimeout(() => giveUp(fault("timeout")), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else waiting.add(onTurn);
  });
}
