/** What a schema cannot say about one provider. */
import { checkHeaderName, checkHeaders } from "#dispatch/providers/check-headers.ts";
import type { Path, Problem } from "#dispatch/providers/problem.ts";
import type { ProviderEntry, QuotaEntry } from "#dispatch/providers/providers-file.ts";
import { type Environment, expandSecrets } from "#dispatch/providers/secrets.ts";
import { urlProblem } from "#dispatch/sending/provider-url.ts";
import { formatDuration, parseDuration } from "#platform/duration.ts";

export interface ProviderSurroundings {
  readonly environment: Environment;
  readonly privateHosts: ReadonlySet<string>;
}

const daysMs = 86_400_000;
const quotaTimes = { min: 100, max: 366 * daysMs };

export function checkProvider(
  entry: ProviderEntry,
  path: Path,
  surroundings: ProviderSurroundings,
): Problem[] {
  return [
    ...checkUrl(entry, [...path, "url"], surroundings.privateHosts),
    ...checkAmount(entry.price, [...path, "price"]),
    ...checkDuration(entry.timeout, [...path, "timeout"], { min: 10, max: 600_000 }),
    ...checkDuration(entry.maxQueue, [...path, "maxQueue"], { min: 0, max: 60_000 }),
    ...(entry.quotas ?? []).flatMap((quota, index) => checkQuota(quota, [...path, "quotas", index])),
    ...checkGuard(entry, [...path, "guard"]),
    ...checkHeaders(entry, path, surroundings.environment),
    ...checkIdempotencyHeader(entry, [...path, "idempotencyHeader"]),
    ...checkOptions(entry, [...path, "options"], surroundings.environment),
  ];
}

function checkUrl({ url }: ProviderEntry, path: Path, privateHosts: ReadonlySet<string>): Problem[] {
  const message = urlProblem(URL.parse(url), privateHosts);
  return message ? [{ path, message }] : [];
}

const maxDecimals = 6;

/** Prices are counted in millionths. */
export function checkAmount(amount: number | undefined, path: Path): Problem[] {
  if (amount === undefined || Number(amount.toFixed(maxDecimals)) === amount) return [];
  return [{ path, message: `must have ${maxDecimals} decimals at the most` }];
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function checkDuration(text: string | undefined, path: Path, { min, max }: Range): Problem[] {
  if (text === undefined) return [];
  const durationMs = parseDuration(text)!;
  if (durationMs >= min && durationMs <= max) return [];
  return [{ path, message: `must be from ${formatDuration(min)} to ${formatDuration(max)}` }];
}

function checkQuota(quota: QuotaEntry, path: Path): Problem[] {
  const problems = [
    ...checkDuration(quota.window, [...path, "window"], quotaTimes),
    ...checkDuration(quota.block, [...path, "block"], quotaTimes),
  ];
  const windowMs = parseDuration(quota.window ?? "");
  const offsetMs = parseDuration(quota.offset ?? "");
  if (windowMs !== undefined && offsetMs !== undefined && offsetMs >= windowMs) {
    problems.push({ path: [...path, "offset"], message: "must be less than the window" });
  }
  return problems;
}

/** Undefined: no quota has windows. */
export function shortestWindowMs(quotas: readonly QuotaEntry[] = []): number | undefined {
  const windows = quotas.flatMap(({ window }) => parseDuration(window ?? "") ?? []);
  return windows.length > 0 ? Math.min(...windows) : undefined;
}

/** A window that is all guard band would grant nothing. */
function checkGuard({ guard, quotas }: ProviderEntry, path: Path): Problem[] {
  const guardMs = parseDuration(guard ?? "");
  const windowMs = shortestWindowMs(quotas);
  if (guardMs === undefined) return [];
  if (windowMs === undefined) return checkDuration(guard, path, { min: 0, max: 60_000 });
  if (guardMs < windowMs / 2) return [];
  const window = formatDuration(windowMs);
  return [{ path, message: `must be less than half of the shortest window, which is ${window}` }];
}

function checkIdempotencyHeader({ idempotencyHeader, headers }: ProviderEntry, path: Path): Problem[] {
  if (idempotencyHeader === undefined) return [];
  const message = checkHeaderName(idempotencyHeader);
  if (message) return [{ path, message }];
  const name = idempotencyHeader.toLowerCase();
  const isTaken = Object.keys(headers ?? {}).some((other) => other.toLowerCase() === name);
  return isTaken ? [{ path, message: "is one of the headers, which is the same for all requests" }] : [];
}

/** Only a provider's own: those of processors hold prompts, which may be about anything. */
function checkOptions({ options = {} }: ProviderEntry, path: Path, environment: Environment): Problem[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const expanded = typeof value === "string" ? expandSecrets(value, environment) : undefined;
    return expanded && "problem" in expanded ? [{ path: [...path, name], message: expanded.problem }] : [];
  });
}
