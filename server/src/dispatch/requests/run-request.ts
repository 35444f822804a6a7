/** One request that this process owns, taken to its end: through the router, with each step written down before it is made. */
import { setTimeout as delay } from "node:timers/promises";
import type { Processor, Provider } from "#dispatch/providers/catalogue.ts";
import type { EndedRow, ReleasedRow, RequestRow } from "#dispatch/requests/request-row.ts";
import type { RequestWrites } from "#dispatch/requests/request-writes.ts";
import type { Router, Served } from "#dispatch/routing/router.ts";
import type { RoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import { type ErrorCode, toFault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface OwnedRequest {
  readonly id: string;
  readonly userId: string;
  readonly text: string;
  readonly processor: Processor;
  readonly mayUsePaid: boolean;
  /** No provider is asked after it. */
  readonly timeoutMs: number;
  /** Since it was made. */
  readonly ageMs: number;
  /** After a crash: the provider that may have it, which knows it again by its id. */
  readonly only?: Provider;
}

export interface RunnerOptions {
  router: Router;
  writes: RequestWrites;
  /** One that could not be processed for so long has failed. */
  retentionMs: number;
  log: Log;
  metrics: Pick<RoutingMetrics, "overhead">;
  /** Told of what ended. */
  onEnd(row: RequestRow): void;
}

export interface Runner {
  /**
   * The row with its outcome. Rejects with OwnershipLost, and with what says that it was not processed: then it is
   * released, see ReleasedRow.
   */
  run(request: OwnedRequest): Promise<RequestRow>;
  fail(id: string, code: ErrorCode, detail: string): Promise<RequestRow>;
}

/** Another process has taken the request over: its outcome is the other's affair. */
export class OwnershipLostError extends Error {
  constructor() {
    super("another process has taken the request over");
  }
}

/** After these the text may have been processed, or would fare no better another time. */
const finalCodes: ReadonlySet<ErrorCode> = new Set(["provider-failed", "outcome-unknown"]);

export function createRunner({ router, writes, retentionMs, log, metrics, onEnd }: RunnerOptions): Runner {
  async function end(ended: EndedRow): Promise<RequestRow> {
    const row = await untilWritten(() => writes.ended(ended));
    if (!row) throw new OwnershipLostError();
    onEnd(row);
    return row;
  }

  /** One that could not be released is taken up again by background.ts. */
  async function release(row: ReleasedRow): Promise<void> {
    try {
      await writes.release(row);
    } catch (error) {
      log.warn({ err: error, id: row.id }, "a request could not be released");
    }
  }

  const fail: Runner["fail"] = (id, errorCode, errorDetail) =>
    end({ ...nothing, id, status: "failed", errorCode, errorDetail });

  return {
    fail,
    async run(request) {
      const { id, only } = request;
      const startedAtMs = performance.now();
      let hasBegun = only !== undefined;
      let served: Served;
      try {
        served = await router.route({
          ...request,
          requestId: id,
          signal: undefined,
          async beforeSend(provider, attempt) {
            if (!(await writes.sending({ id, provider: provider.id, attempt })))
              throw new OwnershipLostError();
            hasBegun = true;
          },
        });
      } catch (error) {
        if (error instanceof OwnershipLostError) throw error;
        const { code, detail, retryAfterMs } = toPublicError(error);
        if (finalCodes.has(code) || request.ageMs >= retentionMs) return await fail(id, code, detail);
        if (code === "internal") log.error({ err: error, id }, "a request broke down");
        if (code === "internal" && hasBegun) return await fail(id, "outcome-unknown", brokeDown);
        const dueInMs = retryDelayMs(request, retryAfterMs);
        await release({ id, dueInMs, maySent: only !== undefined });
        throw toFault(error);
      }
      const row = await end(endedBy(id, served));
      metrics.overhead(performance.now() - startedAtMs - served.providerMs);
      return row;
    },
  };
}

const brokeDown = "It may have been sent to a provider, and nobody knows what came of it";

const minDelayMs = 1_000;
const maxDelayMs = 60_000;
const maxTrustedDelayMs = 3_600_000;

/** When one in the background is tried again: when a provider opens, or, if nobody knows when that is, the less often the older it is. */
function retryDelayMs({ ageMs }: OwnedRequest, retryAfterMs: number | undefined): number {
  if (retryAfterMs === undefined) return Math.min(maxDelayMs, Math.max(minDelayMs, ageMs / 2));
  return Math.min(maxTrustedDelayMs, retryAfterMs);
}

const patienceMs = 60_000;
const firstPauseMs = 50;
const maxPauseMs = 2_000;

/** What a provider has done is not given up because the database is away for a moment. */
async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(maxPauseMs, 2 * pauseMs)) {
    try {
      return await write();
    } catch (error) {
      if (toPublicError(error).code === "internal" || performance.now() > untilMs) throw error;
      await delay(pauseMs, undefined, { ref: false });
    }
  }
}

const nothing = {
  provider: null,
  result: null,
  costMicros: 0,
  reason: null,
  freeOpensAtMs: null,
  errorCode: null,
  errorDetail: null,
};

function endedBy(id: string, served: Served): EndedRow {
  const { result, providerId, costMicros, reason, freeOpensAtMs = null } = served;
  return { ...nothing, id, status: "done", provider: providerId, result, costMicros, reason, freeOpensAtMs };
}
