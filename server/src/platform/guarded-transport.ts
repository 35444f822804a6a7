/**
 * The way to a service that may fail: bulkhead, then circuit breaker, then the call. What the bulkhead refuses never
 * reaches the circuit, and what an open circuit refuses never waits.
 */
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { ConnectError, Transport } from "@connectrpc/connect";
import type { Circuit, Pass, Refusal } from "#platform/circuit/circuit.ts";
import { circuitFailure } from "#platform/circuit/outcome.ts";
import { takesItsTime } from "#platform/deferrable.ts";
import { fault } from "#platform/errors.ts";
import type { Gate } from "#platform/gate.ts";
import { streamResponse } from "#platform/stream-response.ts";

export interface GuardOptions {
  circuit: Circuit;
  bulkhead: Gate;
  /** The gateway's own deadline, and that of calls that bring none. */
  timeoutMs: number;
  /** The code of a failure that an answer tells of instead of being an error. */
  answerFailure?: (method: DescMethodUnary, answer: Message) => string | undefined;
}

const endless = Number.POSITIVE_INFINITY;

/**
 * A stream takes as long as its client does, so it has no place of the bulkhead, which is for calls that end, and being
 * slow says nothing of the service; whoever serves streams bounds how many there are.
 */
export function guardTransport(transport: Transport, options: GuardOptions): Transport {
  const { circuit, bulkhead, answerFailure } = options;
  const { slowMs } = circuit.limits;
  const patienceMs = slowMs > 0 ? Math.min(slowMs, options.timeoutMs) : options.timeoutMs;
  return {
    async unary(method, signal, givenTimeoutMs, header, input, contextValues) {
      const timeoutMs = givenTimeoutMs ?? options.timeoutMs;
      const isPatient = takesItsTime(method);
      const waitedMs = bulkhead.tryEnter() ? 0 : await waitForPlace(options, signal);
      try {
        if (waitedMs > 0 && waitedMs >= timeoutMs) throw fault("timeout");
        const pass = enter(circuit, isPatient);
        try {
          const leftMs = Math.ceil(timeoutMs - waitedMs);
          const answer = await transport.unary(method, signal, leftMs, header, input, contextValues);
          settle(pass, answerFailure?.(method, answer.message as Message));
          return answer;
        } catch (error) {
          const isAborted = signal?.aborted ?? false;
          const circumstances = { timeoutMs, patienceMs: isPatient ? endless : patienceMs, isAborted };
          settle(pass, circuitFailure(error, circumstances), true);
          throw error;
        }
      } finally {
        bulkhead.leave();
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const open = () => transport.stream(method, signal, timeoutMs, header, input, contextValues);
      return streamResponse(method, guardStream(circuit, signal, open));
    },
  };
}

/** How long it took. Nobody waits for a service unless its circuit is closed. */
async function waitForPlace({ circuit, bulkhead }: GuardOptions, signal?: AbortSignal): Promise<number> {
  const refusal = circuit.refuseWaiting();
  if (refusal) throw circuitOpen(refusal);
  const begunMs = performance.now();
  await bulkhead.enter(signal);
  return performance.now() - begunMs;
}

function enter(circuit: Circuit, isPatient: boolean): Pass {
  const entry = circuit.tryEnter(isPatient);
  if (entry.isAdmitted) return entry;
  throw circuitOpen(entry);
}

function settle(pass: Pass, failure: string | undefined, isError = false) {
  if (failure !== undefined) pass.fail(failure);
  else if (isError) pass.ignore();
  else pass.succeed();
}

function circuitOpen({ retryAfterMs }: Refusal): ConnectError {
  return fault("circuit-open", { retryAfterMs });
}

/** Nothing is entered until the answer is iterated. One who stops reading says nothing about the service. */
async function* guardStream<T>(
  circuit: Circuit,
  signal: AbortSignal | undefined,
  open: () => Promise<{ message: AsyncIterable<T> }>,
): AsyncGenerator<T> {
  const pass = enter(circuit, true);
  let isSettled = false;
  try {
    yield* (await open()).message;
    isSettled = true;
    pass.succeed();
  } catch (error) {
    isSettled = true;
    const isAborted = signal?.aborted ?? false;
    settle(pass, circuitFailure(error, { timeoutMs: endless, patienceMs: endless, isAborted }), true);
    throw error;
  } finally {
    if (!isSettled) pass.ignore();
  }
}
