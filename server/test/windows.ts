/** For tests of quotas whose windows begin at multiples of their length (UTC): with the machine's clock, one ends now and then. */
import { until } from "#test/until.ts";

export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** Waits for the next window when this one ends within a minute and a half, which is more than a test takes. */
export async function untilWindowLasts(windowMs: number, forMs = 90_000): Promise<void> {
  const restMs = () => windowMs - (Date.now() % windowMs);
  await until("the window has time left", () => restMs() > forMs, 2 * forMs);
}

/** The offset of windows of so many milliseconds of which one ends half a window from now. */
export const windowOffsetMs = (windowMs: number) => Math.floor((Date.now() + windowMs / 2) % windowMs);
