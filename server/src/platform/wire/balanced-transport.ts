/**
 * Spreads the calls to a service over its processes: to the one with the fewest calls under way, so that a slow one
 * gets less, and past those that cannot be reached.
 *
 * This is the only layer that retries. A call that was certainly not carried out goes to the next process; one whose
 * connection broke does so only if it may be carried out twice, and as far as the retry budget goes.
 */
import type { Transport } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";
import { type Endpoint, notSent, wireErrorOf } from "#platform/wire/endpoint.ts";
import { isIdempotent } from "#platform/wire/idempotency.ts";
import { createRetryBudget, type RetryBudget } from "#platform/wire/retry-budget.ts";

export interface BalancedTransportOptions {
  /** Those there are now. */
  endpoints(): readonly Endpoint[];
  /** Whether an endpoint's refusal means that it was not even asked. */
  isRefusal(error: unknown): boolean;
  budget?: RetryBudget;
}

const maxAttempts = 3;

export function createBalancedTransport(options: BalancedTransportOptions): Transport {
  const { endpoints, isRefusal, budget = createRetryBudget() } = options;
  const underWay = new WeakMap<Endpoint, number>();
  let turn = 0;

  /** The fewer calls under way, the better; one that is suspect only if there is no other. */
  const costOf = (one: Endpoint) => (underWay.get(one) ?? 0) + (one.isSuspect ? 1_000_000 : 0);
  const pick = (tried: ReadonlySet<Endpoint>): Endpoint | undefined => {
    const all = endpoints();
    turn = (turn + 1) % Math.max(1, all.length);
    let best: Endpoint | undefined;
    for (let i = 0; i < all.length; i++) {
      const one = all[(turn + i) % all.length]!;
      if (!tried.has(one) && (!best || costOf(one) < costOf(best))) best = one;
    }
    return best;
  };
  const mayRetry = (error: unknown, method: Parameters<Transport["unary"]>[0]) => {
    const wireError = wireErrorOf(error);
    if (!wireError) return isRefusal(error);
    return !wireError.mayBeCarriedOut || (isIdempotent(method) && budget.tryTake());
  };

  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      budget.noteCall();
      const endsAtMs = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
      const tried = new Set<Endpoint>();
      let failure: unknown;
      while (tried.size < maxAttempts) {
        const endpoint = pick(tried);
        if (!endpoint) break;
        tried.add(endpoint);
        const leftMs = endsAtMs === undefined ? undefined : Math.ceil(endsAtMs - performance.now());
        if (leftMs !== undefined && leftMs <= 0) throw fault("timeout");
        underWay.set(endpoint, (underWay.get(endpoint) ?? 0) + 1);
        try {
          return await endpoint.transport.unary(method, signal, leftMs, header, input, contextValues);
        } catch (error) {
          failure = error;
          if (signal?.aborted || !mayRetry(error, method)) break;
        } finally {
          underWay.set(endpoint, underWay.get(endpoint)! - 1);
        }
      }
      throw failure ?? notSent("no process serves it");
    },
    stream() {
      throw fault("route-not-found", { detail: "Streaming calls do not exist" });
    },
  };
}
