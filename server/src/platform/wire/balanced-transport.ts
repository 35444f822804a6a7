/**
 * Spreads the calls to a service over its processes: to the one with the fewest calls under way, so that a slow one
 * gets less, and past those that cannot be reached.
 *
 * This is the only layer that retries. A call that was certainly not carried out goes to the next process; one whose
 * connection broke does so only if it may be carried out twice, and as far as the retry budget goes. A stream goes to the
 * next one only while nothing of it was sent up or has come back.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { streamResponse } from "#platform/stream-response.ts";
import type { Endpoint } from "#platform/wire/endpoint.ts";
import { isIdempotent } from "#platform/wire/idempotency.ts";
import { createRetryBudget, type RetryBudget } from "#platform/wire/retry-budget.ts";
import { repeatable, type StreamInput, watchInput } from "#platform/wire/stream-input.ts";
import { endOf, leftUntil } from "#platform/wire/time-left.ts";
import { notSent, wireErrorOf } from "#platform/wire/wire-error.ts";

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
  const wasNotCarriedOut = (error: unknown) => {
    const wireError = wireErrorOf(error);
    return wireError ? !wireError.mayBeCarriedOut : isRefusal(error);
  };
  const mayRetry = (error: unknown, method: DescMethod) =>
    wasNotCarriedOut(error) || (wireErrorOf(error) !== undefined && isIdempotent(method) && budget.tryTake());

  /** The endpoints to try, one after another; each has the call under way until the next is asked for. */
  function* candidates(): Generator<Endpoint, void> {
    budget.noteCall();
    const tried = new Set<Endpoint>();
    while (tried.size < maxAttempts) {
      const endpoint = pick(tried);
      if (!endpoint) return;
      tried.add(endpoint);
      underWay.set(endpoint, (underWay.get(endpoint) ?? 0) + 1);
      try {
        yield endpoint;
      } finally {
        underWay.set(endpoint, underWay.get(endpoint)! - 1);
      }
    }
  }

  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const endsAtMs = endOf(timeoutMs);
      let failure: unknown;
      for (const { transport } of candidates()) {
        try {
          const leftMs = leftUntil(endsAtMs);
          return await transport.unary(method, signal, leftMs, header, input, contextValues);
        } catch (error) {
          failure = error;
          if (signal?.aborted || !mayRetry(error, method)) break;
        }
      }
      throw failure ?? notSent("no process serves it");
    },
    async stream(method, signal, timeoutMs, header, given, contextValues) {
      const answers = async function* () {
        const endsAtMs = endOf(timeoutMs);
        const input = await repeatable(method, given as StreamInput);
        let failure: unknown;
        for (const { transport } of candidates()) {
          const watched = watchInput(input);
          let hasBegun = false;
          try {
            const leftMs = leftUntil(endsAtMs);
            const sent = watched.input as typeof given;
            const { message } = await transport.stream(method, signal, leftMs, header, sent, contextValues);
            for await (const answer of message) {
              hasBegun = true;
              yield answer;
            }
            return;
          } catch (error) {
            failure = error;
            hasBegun ||= method.methodKind === "client_streaming" && watched.isBegun;
            if (signal?.aborted || hasBegun || !wasNotCarriedOut(error)) break;
          }
        }
        throw failure ?? notSent("no process serves it");
      };
      return streamResponse(method, answers());
    },
  };
}
