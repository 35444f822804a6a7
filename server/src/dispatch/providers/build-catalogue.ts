/** A providers file without faults becomes a catalogue: everything filled in, secrets in their places. */
import type { Catalogue, Processor, Provider, Quota } from "#dispatch/providers/catalogue.ts";
import { privateHostsOf } from "#dispatch/providers/check-file.ts";
import { shortestWindowMs } from "#dispatch/providers/check-provider.ts";
import type {
  ProcessorEntry,
  ProviderEntry,
  ProvidersFile,
  QuotaEntry,
} from "#dispatch/providers/providers-file.ts";
import { type Environment, expandSecrets } from "#dispatch/providers/secrets.ts";
import { parseDuration } from "#platform/duration.ts";

export interface CatalogueOptions {
  /** Where the secrets are that the file names. */
  readonly environment: Environment;
  /** Of all processors, whatever the file says. */
  readonly maxTextBytes: number;
}

const defaultProcessorId = "default";
const defaults = { timeoutMs: 30_000, concurrency: 64, maxQueueMs: 250, guardMs: 250 };
const microsPerUnit = 1_000_000;

export function buildCatalogue(file: ProvidersFile, options: CatalogueOptions): Catalogue {
  const providers = new Map(
    file.providers.map((entry) => [entry.id, buildProvider(entry, options.environment)] as const),
  );
  const entries = file.processors ?? [];
  const hasDefault = entries.some(({ id }) => id === defaultProcessorId);
  const all = hasDefault
    ? entries
    : [{ id: defaultProcessorId, about: "Any of the providers, the cheapest first." }, ...entries];
  const { perDay, perUserPerDay, whileDatabaseAway } = file.spendCap ?? {};
  const spendCapMicros = microsOf(perDay);
  return {
    providers,
    processors: new Map(all.map((entry) => [entry.id, buildProcessor(entry, providers, options)])),
    currency: file.currency ?? "USD",
    paidAccess: file.paidAccess ?? "role",
    spendCapMicros,
    userSpendCapMicros: microsOf(perUserPerDay),
    awayCapMicros:
      microsOf(whileDatabaseAway) ?? defaultAwayCapMicros([...providers.values()], spendCapMicros),
    privateHosts: privateHostsOf(file),
  };
}

function buildProvider(entry: ProviderEntry, environment: Environment): Provider {
  const { id, adapter = "json", concurrency = defaults.concurrency, options = {} } = entry;
  const secret = (text: string) => {
    const expanded = expandSecrets(text, environment);
    return "value" in expanded ? expanded.value : "";
  };
  const headers = Object.entries(entry.headers ?? {});
  const windowMs = shortestWindowMs(entry.quotas) ?? Number.POSITIVE_INFINITY;
  return {
    id,
    adapter,
    url: new URL(entry.url),
    headers: Object.fromEntries(headers.map(([name, text]) => [name.toLowerCase(), secret(text)])),
    priceMicros: microsOf(entry.price) ?? 0,
    timeoutMs: msOf(entry.timeout) ?? defaults.timeoutMs,
    concurrency,
    maxQueueMs: msOf(entry.maxQueue) ?? defaults.maxQueueMs,
    guardMs: msOf(entry.guard) ?? Math.min(defaults.guardMs, Math.floor(windowMs / 10)),
    quotas: (entry.quotas ?? []).map(buildQuota),
    idempotencyHeader: entry.idempotencyHeader?.toLowerCase(),
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        typeof value === "string" ? secret(value) : value,
      ]),
    ),
  };
}

const buildQuota = ({ kind, limit, window, block, offset }: QuotaEntry): Quota => ({
  kind,
  limit,
  windowMs: msOf(window) ?? 0,
  blockMs: msOf(block) ?? 0,
  offsetMs: msOf(offset) ?? 0,
});

function buildProcessor(
  entry: ProcessorEntry,
  known: ReadonlyMap<string, Provider>,
  { maxTextBytes }: CatalogueOptions,
): Processor {
  const { id, about = "", delivery = "at-most-once", options = {} } = entry;
  const ids = new Set(entry.providers ?? known.keys());
  const providers = [...known.values()]
    .filter((provider) => ids.has(provider.id))
    .sort((a, b) => a.priceMicros - b.priceMicros);
  const ownMax = entry.maxTextBytes ?? maxTextBytes;
  return {
    id,
    about,
    providers,
    maxTextBytes: Math.min(ownMax, maxTextBytes),
    delivery,
    options: { ...options },
  };
}

/** Enough to live through a short outage; little beside what a day may cost. */
function defaultAwayCapMicros(providers: Provider[], spendCapMicros = Number.POSITIVE_INFINITY): number {
  const dearest = Math.max(0, ...providers.map(({ priceMicros }) => priceMicros));
  return Math.floor(Math.min(dearest * 100, spendCapMicros / 100));
}

const msOf = (text: string | undefined) => (text === undefined ? undefined : parseDuration(text));

const microsOf = (amount: number | undefined) =>
  amount === undefined ? undefined : Math.round(amount * microsPerUnit);
