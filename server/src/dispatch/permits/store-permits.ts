/** The ledger of permits in the database; what it counts is in migrations/0001-permits.sql. */
import type { PermitStatus, QuotaState } from "#dispatch/permits/permits.ts";
import type { Provider, QuotaKind } from "#dispatch/providers/catalogue.ts";
import type { Queryable, Statement } from "#platform/database.ts";

/** What became of permits that were granted together. Ages are milliseconds before now. */
export interface Settlement {
  /** Of each quota: the epochs that they count in. */
  readonly epochs: readonly number[];
  readonly lasts: readonly number[];
  readonly returned: number;
  readonly responded: number;
  readonly refused: number;
  readonly firstAgeMs: number;
  readonly lastAgeMs: number;
}

export interface Refusal {
  readonly episode: number;
  readonly ageMs: number;
  /** From now. */
  readonly retryAfterMs: number | undefined;
}

export interface ExchangeRequest {
  readonly providerId: string;
  readonly pod: string;
  /** Requests that wait for a permit. */
  readonly waiting: number;
  /** How many more would be used soon. */
  readonly surplus: number;
  /** Requests sent without asking, to a provider without quotas. */
  readonly unasked: number;
  readonly quotas: number;
  readonly settlements: readonly Settlement[];
  readonly refusal: Refusal | undefined;
  readonly acceptedEpisode: number | undefined;
  readonly unsentProbeEpisode: number | undefined;
}

export interface ExchangeReply {
  readonly granted: number;
  readonly lifeMs: number;
  readonly epochs: readonly number[];
  readonly lasts: readonly number[];
  readonly episode: number;
  readonly isProbe: boolean;
  /** Requests that are taken are to be told of. */
  readonly isSuspect: boolean;
  /** Null: all that was asked for. */
  readonly reason: "spent" | "blocked" | "probing" | null;
  readonly opensInMs: number | null;
  /** It is no use to ask before. */
  readonly holdMs: number | null;
  readonly used: number | null;
  readonly limit: number | null;
}

const declareProvider: Statement = {
  name: "dispatch.declare-provider",
  text: `SELECT dispatch.declare_provider(
    $1, $2, $3, $4::text[], $5::int[], $6::float8[], $7::float8[], $8::float8[])`,
};

/** Longer than a probe can take from its grant to its answer. */
const probeSlackMs = 2_000;

export async function storeProvider(database: Queryable, provider: Provider): Promise<void> {
  const { id, quotas, guardMs, timeoutMs } = provider;
  await database.queryArrays(declareProvider, [
    id,
    guardMs,
    timeoutMs + guardMs + probeSlackMs,
    quotas.map((quota) => quota.kind),
    quotas.map((quota) => quota.limit),
    quotas.map((quota) => quota.windowMs),
    quotas.map((quota) => quota.blockMs),
    quotas.map((quota) => quota.offsetMs),
  ]);
}

const exchangePermits: Statement = {
  name: "dispatch.exchange-permits",
  text: `SELECT * FROM dispatch.exchange_permits($1, $2::uuid, $3::int, $4::int, $5::int, $6::int,
    $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::int[], $12::float8[], $13::float8[],
    $14::bigint, $15::float8, $16::float8, $17::bigint, $18::bigint)`,
};

type ReplyRow = [
  granted: number,
  lifeMs: number,
  epochs: number[] | null,
  lasts: number[] | null,
  episode: number,
  isProbe: boolean,
  isSuspect: boolean,
  reason: ExchangeReply["reason"],
  opensInMs: number | null,
  holdMs: number | null,
  used: number | null,
  limit: number | null,
];

export async function exchange(database: Queryable, request: ExchangeRequest): Promise<ExchangeReply> {
  const { settlements, refusal } = request;
  const [row] = await database.queryArrays<ReplyRow>(exchangePermits, [
    request.providerId,
    request.pod,
    request.waiting,
    request.surplus,
    request.unasked,
    request.quotas,
    settlements.flatMap((one) => one.epochs),
    settlements.flatMap((one) => one.lasts),
    settlements.map((one) => one.returned),
    settlements.map((one) => one.responded),
    settlements.map((one) => one.refused),
    settlements.map((one) => one.firstAgeMs),
    settlements.map((one) => one.lastAgeMs),
    refusal?.episode ?? null,
    refusal?.ageMs ?? null,
    refusal?.retryAfterMs ?? null,
    request.acceptedEpisode ?? null,
    request.unsentProbeEpisode ?? null,
  ]);
  const [granted, lifeMs, epochs, lasts, episode, isProbe, isSuspect, ...denial] = row!;
  const [reason, opensInMs, holdMs, used, limit] = denial;
  return {
    granted,
    lifeMs,
    epochs: epochs ?? [],
    lasts: lasts ?? [],
    episode,
    isProbe,
    isSuspect,
    reason,
    opensInMs,
    holdMs,
    used,
    limit,
  };
}

const selectStates: Statement = {
  name: "dispatch.permit-states",
  text: "SELECT * FROM dispatch.permit_states()",
};

type StateRow = [
  providerId: string,
  state: PermitStatus["state"],
  opensAtMs: number | null,
  requestsToday: number,
  refusalsToday: number,
  place: number | null,
  kind: QuotaKind,
  limit: number,
  estimate: number,
  used: number,
  epoch: number,
  resetsAtMs: number | null,
];

/** Of all providers that were ever declared. */
export async function readStates(database: Queryable): Promise<PermitStatus[]> {
  const found = new Map<string, PermitStatus & { quotas: QuotaState[] }>();
  for (const row of await database.queryArrays<StateRow>(selectStates)) {
    const [providerId, state, opensAtMs, requestsToday, refusalsToday, place, ...quota] = row;
    let status = found.get(providerId);
    if (!status) {
      status = {
        providerId,
        state,
        opensAtMs: opensAtMs ?? undefined,
        requestsToday,
        refusalsToday,
        quotas: [],
      };
      found.set(providerId, status);
    }
    const [kind, limit, estimate, used, epoch, resetsAtMs] = quota;
    if (place !== null) {
      status.quotas.push({ kind, limit, estimate, used, epoch, resetsAtMs: resetsAtMs ?? undefined });
    }
  }
  return [...found.values()];
}
