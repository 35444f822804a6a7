/** Waiting for work only so long. The work itself goes on. */
import { fault } from "#platform/errors.ts";

/** Rejects when the work takes longer: with "timeout", unless the caller says with what. */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  lateError: () => Error = () => fault("timeout"),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lateError()), timeoutMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the work has ended or the time is over. */
export async function within(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, expired]).finally(() => clearTimeout(timer));
}
