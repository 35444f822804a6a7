import { randomUUIDv7 } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import type { ProcessRequest, ProcessResponse } from "@parley/api/v2/process";
import type { DispatchParts } from "#dispatch/parts.ts";
import type { Processor } from "#dispatch/providers/catalogue.ts";
import { userKey } from "#dispatch/requests/request-key.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import { type Caller, callerOf, readKey, readText, timeLeftMs } from "#dispatch/rpc/input.ts";
import { withKeptRequests } from "#dispatch/rpc/kept-requests.ts";
import { viewOfRow, viewOfServed } from "#dispatch/rpc/process-view.ts";
import { fault } from "#platform/errors.ts";
import { activeTrace } from "#platform/telemetry/active-trace.ts";

/**
 * Three ways. Without a key, nothing is written down: it goes straight to a provider. With one, or in the background, there
 * is a row first.
 */
export function processText(parts: DispatchParts) {
  const { requests, catalogue } = parts;
  return async (request: ProcessRequest, context: HandlerContext): Promise<ProcessResponse> => {
    const asked = { ...callerOf(parts, context), ...readText(parts, request) };
    const key = request.idempotencyKey === "" ? undefined : userKey(readKey(request.idempotencyKey));
    if (request.respondAsync) {
      return viewOfRow(await withKeptRequests(requests.enqueue({ ...asked, key })), catalogue.currency);
    }
    if (key === undefined) return await processNow(parts, asked, context);
    const attended = await withKeptRequests(requests.attend({ ...asked, key }, timeLeftMs(context)));
    const row = requireNoFailure(attended);
    explain(row.reason);
    return viewOfRow(row, catalogue.currency);
  };
}

export type Asked = Caller & { text: string; processor: Processor };

/** Straight to a provider; nothing is written down. */
export async function processNow(
  { router, catalogue, clock, metrics }: DispatchParts,
  asked: Asked,
  context: HandlerContext,
): Promise<ProcessResponse> {
  const startedAtMs = performance.now();
  const beganAtMs = clock.now();
  const served = await router.route({
    ...asked,
    requestId: randomUUIDv7(),
    timeoutMs: timeLeftMs(context),
    signal: context.signal,
    beforeSend: undefined,
  });
  metrics.overhead(performance.now() - startedAtMs - served.providerMs);
  explain(served.reason);
  const { currency } = catalogue;
  return viewOfServed({
    served,
    processor: asked.processor.id,
    currency,
    beganAtMs,
    endedAtMs: clock.now(),
  });
}

function requireNoFailure(row: RequestRow): RequestRow {
  if (row.status !== "failed") return row;
  throw fault(row.errorCode ?? "internal", { detail: row.errorDetail ?? undefined });
}

function explain(reason: string | null): void {
  if (reason) activeTrace()?.span?.setAttribute("parley.reason", reason);
}
