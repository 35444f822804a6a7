import type { Budget } from "#dispatch/budget/budget.ts";
import type { Permits } from "#dispatch/permits/permits.ts";
import type { Catalogue, Provider } from "#dispatch/providers/catalogue.ts";
import { type AttemptOutcome, type AttemptParts, attempt } from "#dispatch/routing/attempt.ts";
import { createLane, type Lane } from "#dispatch/routing/lane.ts";
import { freeOpensAtMs, noneLeft, type Obstacle, reasonFor } from "#dispatch/routing/obstacles.ts";
import type { Passage } from "#dispatch/routing/passage.ts";
import type { Job, Router, Served } from "#dispatch/routing/router.ts";
import type { RoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import type { Sender } from "#dispatch/sending/sender.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface RouterOptions {
  catalogue: Pick<Catalogue, "providers">;
  permits: Permits;
  budget: Budget;
  sender: Sender;
  circuits: Circuits;
  clock: Clock;
  telemetry: Telemetry;
  metrics: RoutingMetrics;
}

export interface LaneRouter extends Router {
  /** By the provider's id. */
  readonly lanes: ReadonlyMap<string, Lane>;
}

export function createRouter(options: RouterOptions): LaneRouter {
  const { catalogue, circuits, metrics } = options;
  const lanes = new Map<string, Lane>();
  for (const provider of catalogue.providers.values()) {
    lanes.set(provider.id, createLane(provider, circuits));
  }
  metrics.observeLanes(lanes.values());
  return {
    lanes,
    async route(job) {
      try {
        return await route(options, lanes, job);
      } catch (error) {
        metrics.untaken(toPublicError(error).code);
        throw error;
      }
    },
  };
}

async function route(parts: AttemptParts, lanes: ReadonlyMap<string, Lane>, job: Job): Promise<Served> {
  const passage: Passage = {
    job,
    untilMs: performance.now() + job.timeoutMs,
    // Counted before the crash.
    costMicros: job.only?.priceMicros ?? 0,
    providerMs: 0,
    attempts: 0,
  };
  const obstacles: Obstacle[] = [];
  for (const provider of providersFor(job)) {
    const isRepetition = provider === job.only;
    const outcome = await ask(parts, lanes.get(provider.id)!, passage, isRepetition);
    if (outcome.kind === "served")
      return served(parts, { provider, passage, obstacles, result: outcome.result });
    if (outcome.kind === "rejected") {
      throw fault("provider-failed", { detail: `${provider.id} did not take the text (${outcome.reason})` });
    }
    if (outcome.kind === "passed-over") obstacles.push(outcome.obstacle);
    else obstacles.push(onward(job, provider, outcome.reason));
  }
  throw noneLeft(obstacles);
}

/** After a crash: the one that may have it first; others only where a second processing is allowed. */
function providersFor({ only, processor }: Job): readonly Provider[] {
  if (!only) return processor.providers;
  if (processor.delivery === "at-most-once") return [only];
  return [only, ...processor.providers.filter((provider) => provider !== only)];
}

/** A provider that knows the request again by its id is asked a second time when nobody knows what came of the first. */
async function ask(
  parts: AttemptParts,
  lane: Lane,
  passage: Passage,
  isRepetition: boolean,
): Promise<AttemptOutcome> {
  const first = await attempt(parts, lane, passage, isRepetition);
  const isAskable = lane.provider.idempotencyHeader !== undefined && !isRepetition;
  if (first.kind !== "unknown" || first.reason === "cancelled" || !isAskable) return first;
  // Whatever keeps it from being asked again, what came of the first is still unknown.
  const second = await attempt(parts, lane, passage, true).catch(() => first);
  return second.kind === "passed-over" ? first : second;
}

/** Why the next provider may be asked; throws when it may not. */
function onward({ processor }: Job, provider: Provider, reason: string): Obstacle {
  const detail = `It was sent to ${provider.id}, and nobody knows what came of it (${reason})`;
  if (processor.delivery === "at-most-once") throw fault("outcome-unknown", { detail });
  const isFree = provider.priceMicros === 0;
  return { kind: "failed", isFree, text: `${provider.id} did not answer (${reason})`, opensInMs: undefined };
}

interface ServedParts {
  provider: Provider;
  passage: Passage;
  obstacles: readonly Obstacle[];
  result: string;
}

function served({ clock }: AttemptParts, { provider, passage, obstacles, result }: ServedParts): Served {
  const isFree = provider.priceMicros === 0;
  return {
    result,
    providerId: provider.id,
    costMicros: passage.costMicros,
    reason: reasonFor(provider, obstacles),
    freeOpensAtMs: isFree ? undefined : freeOpensAtMs(obstacles, clock.now()),
    providerMs: passage.providerMs,
  };
}
