/** Which providers and processors there are: what providers.json says, checked and complete. Never changes while a process runs. */

/** What each of them means is told in docs/providers.md. */
export type QuotaKind =
  /** So many per window; windows begin at multiples of their length since 1970 (plus the offset). */
  | "fixed-window"
  /** So many per window; a window begins with the first request after the last one has ended. */
  | "first-request-window"
  /** So many, however long it takes; then blocked, and the count begins anew. */
  | "count-then-block"
  /** So many in any stretch of time of the window's length. */
  | "sliding-log"
  /** As first-request-window; and the last one granted blocks. */
  | "block-at-limit"
  /** As fixed-window; and one more than granted blocks. */
  | "block-after-limit";

export interface Quota {
  readonly kind: QuotaKind;
  readonly limit: number;
  /** 0 for count-then-block. */
  readonly windowMs: number;
  /** Of the kinds that block; else 0. */
  readonly blockMs: number;
  /** Of the kinds with aligned windows; else 0. */
  readonly offsetMs: number;
}

export type AdapterName = "json" | "libretranslate" | "openai-chat";

export interface Provider {
  readonly id: string;
  readonly adapter: AdapterName;
  readonly url: URL;
  /** May hold secrets; never logged. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Millionths of the currency. 0: free. */
  readonly priceMicros: number;
  /** From the first byte sent to the last one received. */
  readonly timeoutMs: number;
  /** Requests under way at once, of one process. */
  readonly concurrency: number;
  /** How long a request waits for a place among those before it goes elsewhere. */
  readonly maxQueueMs: number;
  /** The longest that a request travels before the provider counts it, and that its clock may differ. */
  readonly guardMs: number;
  /** All must have room for a request. None: it takes whatever comes. */
  readonly quotas: readonly Quota[];
  /** A header that carries the request's id; the provider answers a repetition with the first outcome. */
  readonly idempotencyHeader: string | undefined;
  /** For the adapter, e.g. the model. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Processor {
  readonly id: string;
  readonly about: string;
  /** The cheapest first, in the file's order where the price is the same. */
  readonly providers: readonly Provider[];
  readonly maxTextBytes: number;
  /**
   * What happens after a request of which nobody knows what became of it: at-most-once gives up, at-least-once tries the next
   * provider.
   */
  readonly delivery: "at-most-once" | "at-least-once";
  /** For the adapters, before those of the provider: target language, prompt and the like. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Catalogue {
  readonly providers: ReadonlyMap<string, Provider>;
  /** By id; "default" is always there. */
  readonly processors: ReadonlyMap<string, Processor>;
  readonly currency: string;
  /** Who may use what costs: everyone, or users with the role "paid". */
  readonly paidAccess: "everyone" | "role";
  /** Millionths of the currency a day (UTC); undefined: no cap. */
  readonly spendCapMicros: number | undefined;
  readonly userSpendCapMicros: number | undefined;
  /** What one process may spend while the database is away; reserved ahead. */
  readonly awayCapMicros: number;
  /** Host names, and addresses, of providers that may be in private networks; as parseHost gives them. */
  readonly privateHosts: ReadonlySet<string>;
}
