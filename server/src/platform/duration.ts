/** A length of time as people write it: "250ms", "60s", "5min", "24h", "1d". */

const form = /^(0|[1-9]\d{0,8})(ms|s|min|h|d)$/;
const unitMs = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

export const durationExamples = '"250ms", "60s", "5min", "24h" or "1d"';

/** In milliseconds; undefined: it is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = form.exec(text) ?? [];
  return count && unit ? Number(count) * unitMs[unit as keyof typeof unitMs] : undefined;
}

/** In the largest unit that gives a whole number. */
export function formatDuration(durationMs: number): string {
  const units = (["d", "h", "min", "s"] as const).filter((unit) => durationMs % unitMs[unit] === 0);
  const unit = durationMs > 0 ? (units[0] ?? "ms") : "ms";
  return `${durationMs / unitMs[unit]}${unit}`;
}
