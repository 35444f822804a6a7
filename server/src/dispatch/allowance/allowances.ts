/** What each user may have processed in a day (UTC) without paid access: counted before anything is sent. */
import type { AllowanceStore } from "#dispatch/allowance/store-allowances.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface AllowanceState {
  readonly left: number;
  /** Milliseconds since 1970, by the database's clock: when there is a new one. */
  readonly refreshedAtMs: number;
  readonly refreshedInMs: number;
}

export interface Allowances {
  /** Counts one. Rejects when the database cannot say whether there is one. */
  take(userId: string): Promise<Taken>;
  read(userId: string): Promise<AllowanceState>;
}

export interface Taken extends AllowanceState {
  /** False: the allowance is used up, and nothing was counted. */
  readonly isWithin: boolean;
  /** Nothing was processed. Once at most, and only of one that was counted. Never rejects: at the worst, one is lost. */
  giveBack(): Promise<void>;
}

export interface AllowancesOptions {
  store: Pick<AllowanceStore, "take" | "giveBack" | "read">;
  /** Of each user, for each day. */
  limit: number;
  log: Log;
  telemetry: Pick<Telemetry, "meter">;
}

export function createAllowances({ store, limit, log, telemetry }: AllowancesOptions): Allowances {
  const counter = telemetry.meter.createCounter("parley.dispatch.allowance", {
    unit: "{request}",
    description: "Requests by old APIs with a daily allowance: taken from it, beyond it, given back to it",
  });
  const count = (outcome: "taken" | "beyond" | "given-back") => counter.add(1, { outcome });
  return {
    async take(userId) {
      const { day, used, endsAtMs: refreshedAtMs, endsInMs: refreshedInMs } = await store.take(userId, limit);
      const isWithin = used !== null;
      count(isWithin ? "taken" : "beyond");
      return {
        isWithin,
        left: limit - (used ?? limit),
        refreshedAtMs,
        refreshedInMs,
        async giveBack() {
          try {
            await store.giveBack(userId, day);
            count("given-back");
          } catch (error) {
            log.warn({ err: error }, "an allowance could not be given back");
          }
        },
      };
    },
    async read(userId) {
      const { used, endsAtMs: refreshedAtMs, endsInMs: refreshedInMs } = await store.read(userId);
      // The limit may have been higher earlier in the day.
      return { left: Math.max(0, limit - used), refreshedAtMs, refreshedInMs };
    },
  };
}
