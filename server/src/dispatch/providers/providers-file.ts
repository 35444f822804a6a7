/** What a providers file says, once it is known to fit its schema (api/schemas/providers.schema.json). */
import type { AdapterName, QuotaKind } from "#dispatch/providers/catalogue.ts";

export interface ProvidersFile {
  readonly currency?: string;
  readonly paidAccess?: "role" | "everyone";
  readonly spendCap?: {
    readonly perDay?: number;
    readonly perUserPerDay?: number;
    readonly whileDatabaseAway?: number;
  };
  readonly allowPrivateHosts?: readonly string[];
  readonly providers: readonly ProviderEntry[];
  readonly processors?: readonly ProcessorEntry[];
}

export interface ProviderEntry {
  readonly id: string;
  readonly adapter?: AdapterName;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly price: number;
  readonly timeout?: string;
  readonly concurrency?: number;
  readonly maxQueue?: string;
  readonly guard?: string;
  readonly quotas?: readonly QuotaEntry[];
  readonly idempotencyHeader?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface QuotaEntry {
  readonly kind: QuotaKind;
  readonly limit: number;
  readonly window?: string;
  readonly block?: string;
  readonly offset?: string;
}

export interface ProcessorEntry {
  readonly id: string;
  readonly about?: string;
  readonly providers?: readonly string[];
  readonly maxTextBytes?: number;
  readonly delivery?: "at-most-once" | "at-least-once";
  readonly options?: Readonly<Record<string, unknown>>;
}
