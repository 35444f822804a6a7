/**
 * What no caller waits for: requests that are due, and those that dead processes left. Says all the while that this
 * process is alive.
 */
import type { Catalogue, Processor, Provider } from "#dispatch/providers/catalogue.ts";
import type { HeldRequests } from "#dispatch/requests/held-requests.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import { OwnershipLostError, type Runner } from "#dispatch/requests/run-request.ts";
import type { OwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { isFailure } from "#platform/circuit/outcome.ts";
import type { Clock } from "#platform/clock.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface BackgroundOptions {
  catalogue: Pick<Catalogue, "processors" | "providers">;
  store: OwnershipStore;
  held: HeldRequests;
  runner: Runner;
  maxRunning: number;
  /** How long after its last sign of life a process counts as dead. */
  leaseMs?: number;
  clock: Clock;
  log: Log;
}

export interface Background {
  /** Resolves once the others know this process. */
  start(): Promise<void>;
  /** Something may be due. */
  wake(): void;
  /** Takes nothing more, waits for what this process is at, and says that it has gone. What is left then is for the others. */
  stop(deadlineMs: number): Promise<void>;
}

const standardLeaseMs = 5_000;
const beatsPerLease = 5;
/** No provider is begun with after it; the request is tried again later. */
const timeoutMs = 60_000;
const maxClaimed = 50;

export function createBackground(options: BackgroundOptions): Background {
  const { store, held, maxRunning, leaseMs = standardLeaseMs, log } = options;
  const liveness = createLiveness(leaseMs);
  let running = 0;
  let isDraining = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let beating = Promise.resolve();
  let claiming: Promise<void> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isWoken = false;

  function run(row: RequestRow) {
    running += 1;
    void held
      .hold(row.id, () => resume(options, row))
      .catch((error) => tell(log, row, error))
      .finally(() => {
        running -= 1;
        if (isWoken) wake();
      });
  }

  const mayClaim = () => !isDraining && running < maxRunning;

  /** One after the other: what one has taken is held before the next looks. Answers whether there may be more. */
  function claim(take: (limit: number) => Promise<RequestRow[]>): Promise<boolean> {
    const taken = turn.then(async () => {
      if (!mayClaim()) return false;
      const limit = Math.min(maxClaimed, maxRunning - running);
      const rows = await take(limit);
      for (const row of rows) if (!held.has(row.id)) run(row);
      return rows.length === limit;
    });
    turn = taken.catch(() => {});
    return taken;
  }

  async function claimAll(): Promise<void> {
    while (isWoken && mayClaim()) {
      isWoken = false;
      try {
        isWoken = (await claim(store.claimDue)) || isWoken;
      } catch (error) {
        isWoken = false;
        log.warn({ code: toPublicError(error).code }, "no request could be taken up");
      }
    }
  }

  /** What dead processes left; and what this one owns without knowing, because the answer to a statement was lost. */
  async function recover(): Promise<void> {
    await claim(store.takeOver);
    await claim((limit) => store.owned(held.ids(), limit));
  }

  function wake() {
    isWoken = true;
    claiming ??= claimAll().finally(() => {
      claiming = undefined;
      if (isWoken && mayClaim()) wake();
    });
  }

  async function beat(): Promise<void> {
    try {
      const startedAtMs = performance.now();
      await store.heartbeat(leaseMs);
      if (liveness.beat(startedAtMs)) await recover();
      wake();
    } catch (error) {
      liveness.miss();
      log.warn({ code: toPublicError(error).code }, "this process cannot say that it is alive");
    }
    schedule();
  }

  function schedule() {
    if (isStopped) return;
    timer = setTimeout(
      () => {
        beating = beat();
      },
      (leaseMs / beatsPerLease) * (0.75 + Math.random() / 2),
    );
    timer.unref();
  }

  return {
    async start() {
      await store.heartbeat(leaseMs);
      liveness.beat(performance.now());
      schedule();
      wake();
    },
    wake,
    async stop(deadlineMs) {
      isDraining = true;
      await claiming;
      await held.untilNone(deadlineMs);
      isStopped = true;
      clearTimeout(timer);
      await beating;
      await store.leave().catch((error) => log.warn({ code: toPublicError(error).code }, "not signed off"));
    },
  };
}

/**
 * Whether this process may judge others: it has said for the length of a lease that it is alive itself. So those that the
 * same trouble with the database kept from saying so can do it first.
 */
function createLiveness(leaseMs: number) {
  let steadySinceMs: number | undefined;
  let lastMs = 0;
  return {
    beat(nowMs: number): boolean {
      if (steadySinceMs === undefined || nowMs - lastMs > leaseMs) steadySinceMs = nowMs;
      lastMs = nowMs;
      return nowMs - steadySinceMs >= leaseMs;
    },
    miss() {
      steadySinceMs = undefined;
    },
  };
}

async function resume(options: BackgroundOptions, row: RequestRow): Promise<void> {
  const { catalogue, runner, clock } = options;
  const { id, userId, text, mayUsePaid, createdAt } = row;
  const processor = catalogue.processors.get(row.processor);
  const wasSent = row.status === "sending";
  const provider = catalogue.providers.get(row.provider ?? "");
  if (wasSent && !isRepeatable(processor, provider)) {
    const detail = `The process ended while ${row.provider} had it, and nobody knows what came of it`;
    await runner.fail(id, "outcome-unknown", detail);
    return;
  }
  if (!processor) {
    await runner.fail(id, "processor-not-found", `There is no processor ${row.processor} any more`);
    return;
  }
  const only = wasSent && provider?.idempotencyHeader ? { only: provider } : {};
  const ageMs = Math.max(0, clock.now() - createdAt.getTime());
  await runner.run({ id, userId, text: text ?? "", processor, mayUsePaid, timeoutMs, ageMs, ...only });
}

/** Whether asking once more, of this provider or any, does no harm. */
function isRepeatable(processor: Processor | undefined, provider: Provider | undefined): boolean {
  if (!processor) return false;
  return provider?.idempotencyHeader !== undefined || processor.delivery === "at-least-once";
}

/** That it has to wait, or that another process is at it, is nothing to tell of. */
function tell(log: Log, { id }: RequestRow, error: unknown): void {
  if (error instanceof OwnershipLostError) return;
  const { code } = toPublicError(error);
  if (isFailure(code)) log.warn({ code, id }, "a request in the background was put off");
}
