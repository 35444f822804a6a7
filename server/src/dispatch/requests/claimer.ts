/** Takes requests that nobody waits for, so many at once, and goes on with them. */
import type { HeldRequests } from "#dispatch/requests/held-requests.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import { type ResumeParts, resumeRequest } from "#dispatch/requests/resume-request.ts";
import { OwnershipLostError } from "#dispatch/requests/run-request.ts";
import type { OwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { isFailure } from "#platform/circuit/outcome.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface ClaimerOptions extends ResumeParts {
  store: OwnershipStore;
  held: HeldRequests;
  maxRunning: number;
  log: Log;
}

export interface Claimer {
  /** Something may be due. */
  wake(): void;
  /** Takes what dead processes left. Rejects when the database does. */
  recover(leaseMs: number): Promise<void>;
  /** Takes nothing more; resolves when what it was about to take is held. */
  stop(): Promise<void>;
}

const maxClaimed = 50;

export function createClaimer(options: ClaimerOptions): Claimer {
  const { store, held, maxRunning, log } = options;
  let running = 0;
  let isStopped = false;
  let claiming: Promise<void> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isWoken = false;

  function run(row: RequestRow) {
    running += 1;
    void held
      .hold(row.id, () => resumeRequest(options, row))
      .catch((error) => tell(log, row, error))
      .finally(() => {
        running -= 1;
        if (isWoken) wake();
      });
  }

  const mayClaim = () => !isStopped && running < maxRunning;

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

  function wake() {
    isWoken = true;
    claiming ??= claimAll().finally(() => {
      claiming = undefined;
      if (isWoken && mayClaim()) wake();
    });
  }

  return {
    wake,
    async recover(leaseMs) {
      await claim((limit) => store.takeOver(limit, leaseMs));
      // What this process owns without knowing, because the answer to a statement was lost.
      await claim((limit) => store.owned(held.ids(), limit));
    },
    async stop() {
      isStopped = true;
      await claiming;
      await turn;
    },
  };
}

/** That it has to wait, or that another process is at it, is nothing to tell of. */
function tell(log: Log, { id }: RequestRow, error: unknown): void {
  if (error instanceof OwnershipLostError) return;
  const { code } = toPublicError(error);
  if (isFailure(code)) log.warn({ code, id }, "a request in the background was put off");
}
