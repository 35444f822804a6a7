/** What is spent, in the database; see migrations/0002-budget.sql. */
import type { Spending, SpendStatus } from "#dispatch/budget/budget.ts";
import type { Queryable, Statement } from "#platform/database.ts";

export interface Correction extends Spending {
  /** Since 1970. */
  readonly day: number;
  /** It was spent out of what this process had set aside. */
  readonly isOfReserve: boolean;
}

export interface SpendRequest {
  readonly process: string;
  readonly dayCapMicros: number | undefined;
  readonly userCapMicros: number | undefined;
  readonly reserveMicros: number;
  /** Made once, however often they are told under the same id. */
  readonly corrections: { readonly id: string; readonly items: readonly Correction[] } | undefined;
  readonly spendings: readonly Spending[];
}

export interface SpendReply {
  readonly day: number;
  readonly endsInMs: number;
  readonly setAsideMicros: number;
  /** Of each spending: empty, or the cap that is in its way. */
  readonly caps: ReadonlyArray<"" | "day" | "user">;
}

const exchangeSpending: Statement = {
  name: "dispatch.exchange-spending",
  text: `SELECT * FROM dispatch.exchange_spending($1::uuid, $2::bigint, $3::bigint, $4::bigint, $5::uuid,
    $6::int[], $7::text[], $8::text[], $9::bigint[], $10::boolean[], $11::text[], $12::text[], $13::bigint[])`,
};

export async function exchangeSpend(database: Queryable, request: SpendRequest): Promise<SpendReply> {
  const { corrections, spendings } = request;
  const items = corrections?.items ?? [];
  const [row] = await database.queryArrays<[number, number, number, SpendReply["caps"]]>(exchangeSpending, [
    request.process,
    request.dayCapMicros ?? null,
    request.userCapMicros ?? null,
    request.reserveMicros,
    corrections?.id ?? null,
    items.map((one) => one.day),
    items.map((one) => one.userId),
    items.map((one) => one.providerId),
    items.map((one) => one.amountMicros),
    items.map((one) => one.isOfReserve),
    spendings.map((one) => one.userId),
    spendings.map((one) => one.providerId),
    spendings.map((one) => one.amountMicros),
  ]);
  const [day, endsInMs, setAsideMicros, caps] = row!;
  return { day, endsInMs, setAsideMicros, caps };
}

const selectSpend: Statement = {
  name: "dispatch.select-spend",
  text: `SELECT d.spent_micros, d.reserved_micros, p.provider_id, p.spent_micros
    FROM dispatch.spend_days d LEFT JOIN dispatch.spend_by_provider p ON p.day = d.day
    WHERE d.day = floor(date_part('epoch', clock_timestamp()) / 86400)::int`,
};

export async function readSpend(database: Queryable): Promise<SpendStatus> {
  const rows =
    await database.queryArrays<[spent: number, reserved: number, provider: string | null, by: number]>(
      selectSpend,
    );
  return {
    spentMicros: rows[0]?.[0] ?? 0,
    reservedMicros: rows[0]?.[1] ?? 0,
    byProviderMicros: new Map(rows.flatMap(([, , id, micros]) => (id === null ? [] : [[id, micros]]))),
  };
}
