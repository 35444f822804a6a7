/** What is spent on providers: reserved before a request is sent, so that no cap is passed, and kept by day and user. */

export interface Spending {
  /** Who is charged. */
  readonly userId: string;
  readonly providerId: string;
  readonly amountMicros: number;
}

export interface Reservation {
  /** The request was certainly not sent, or was refused: it costs nothing. */
  release(): void;
}

export interface CapReached {
  readonly cap: "day" | "user" | "away";
  /** Until the next day (UTC) begins; undefined: until the database is back. */
  readonly opensInMs: number | undefined;
}

/** Of today (UTC). */
export interface SpendStatus {
  readonly spentMicros: number;
  /** Set aside by processes for while the database is away; counts as spent for the cap. */
  readonly reservedMicros: number;
  readonly byProviderMicros: ReadonlyMap<string, number>;
}

export interface Budget {
  /** Durable before it resolves; while the database is away, out of what this process has reserved ahead. */
  reserve(spending: Spending): Promise<Reservation | CapReached>;
  /** Asks the database. */
  status(): Promise<SpendStatus>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const isReserved = (one: Reservation | CapReached): one is Reservation => "release" in one;
