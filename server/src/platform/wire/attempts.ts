/** Calls to one process. Twice at the most: one that refuses tells its time, and the next signature is made with that. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { toFault } from "#platform/errors.ts";
import type { Connection } from "#platform/wire/connection.ts";
import { repeatable, watchInput } from "#platform/wire/stream-input.ts";
import { endOf, leftUntil } from "#platform/wire/time-left.ts";
import { isRefusal, notSent, toWireError, wireErrorOf } from "#platform/wire/wire-error.ts";

export interface Outcomes {
  /** Told of what a call fails with because of the connection, or of the service; returns it. */
  noted(error: unknown): unknown;
  /** Told that the process does not accept this one; returns what to reject with. */
  refused(error: unknown): unknown;
}

export async function attemptUnary(
  { connecting, client }: Connection,
  outcomes: Outcomes,
  [method, signal, timeoutMs, ...rest]: Parameters<Transport["unary"]>,
) {
  const endsAtMs = endOf(timeoutMs);
  for (let attempt = 1; ; attempt++) {
    try {
      if (!connecting.isConnected) await connecting.untilConnected(signal, leftUntil(endsAtMs));
      return await client.unary(method, signal, leftUntil(endsAtMs), ...rest);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (!isRefusal(error)) throw outcomes.noted(toWireError(error));
      if (attempt === 2) throw outcomes.refused(error);
    }
  }
}

/** What fails before anything of the input was asked for, has not been carried out. */
export async function* attemptStream(
  { connecting, client }: Connection,
  outcomes: Outcomes,
  [method, signal, timeoutMs, header, given]: Parameters<Transport["stream"]>,
): AsyncGenerator<MessageShape<DescMessage>> {
  const endsAtMs = endOf(timeoutMs);
  const input = await repeatable(method, given);
  for (let attempt = 1; ; attempt++) {
    const watched = watchInput(input);
    try {
      if (!connecting.isConnected) await connecting.untilConnected(signal, leftUntil(endsAtMs));
      yield* (await client.stream(method, signal, leftUntil(endsAtMs), header, watched.input as never))
        .message;
      return;
    } catch (error) {
      if (signal?.aborted) throw toFault(error);
      if (isRefusal(error)) {
        if (attempt === 2) throw outcomes.refused(error);
        continue;
      }
      const failure = toWireError(error);
      const isLost = wireErrorOf(failure) !== undefined;
      throw outcomes.noted(isLost && !watched.isBegun ? notSent(error) : failure);
    }
  }
}
