/** The values of before: and after:. */

const day = /^(\d{4})-(\d{2})-(\d{2})$/;
/** https://www.rfc-editor.org/rfc/rfc3339#section-5.6 */
const time = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;
const dayMs = 86_400_000;
/** What a Timestamp can hold. */
const earliestMs = Date.parse("0001-01-01T00:00:00Z");
const latestMs = Date.parse("9999-12-31T23:59:59.999Z");

/** The first and the last moment that it stands for, in milliseconds since 1970; undefined: it is neither. */
export function parseQueryTime(text: string): { firstMs: number; lastMs: number } | undefined {
  if (day.test(text)) {
    const firstMs = dayStart(text);
    return firstMs === undefined ? undefined : { firstMs, lastMs: firstMs + dayMs - 1 };
  }
  const [, date, hours, minutes, seconds, , zone] = time.exec(text) ?? [];
  if (!date || dayStart(date) === undefined || !zone) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const atMs = Date.parse(text.toUpperCase().replace(" ", "T"));
  return Number.isNaN(atMs) ? undefined : { firstMs: atMs, lastMs: atMs };
}

/** Undefined for a day that no calendar has, such as 2026-02-30. */
function dayStart(text: string): number | undefined {
  const startMs = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(startMs) || startMs < earliestMs) return undefined;
  return new Date(startMs).toISOString().startsWith(text) ? startMs : undefined;
}

export const clampTime = (ms: number): number => Math.min(latestMs, Math.max(earliestMs, ms));
