/**
 * When AWS's SDK tries a request again, which it does only with bodies out of memory: soon, and seldom. Its own strategy waits as long as
 * the store asks for; here somebody waits for the answer, and is better told to come back.
 */
import type { S3ClientConfig } from "@aws-sdk/client-s3";

type RetryStrategy = Exclude<NonNullable<S3ClientConfig["retryStrategy"]>, { retry: unknown }>;
type RetryToken = Awaited<ReturnType<RetryStrategy["acquireInitialRetryToken"]>>;

const maxAttempts = 3;
const firstDelayMs = { THROTTLING: 400, TRANSIENT: 100 };
/** A store that wants to be left alone for longer is not asked again. */
const longestHintMs = 1_500;

export function createS3Retries(random = Math.random): RetryStrategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(last, { errorType, retryAfterHint }) {
      const retries = last.getRetryCount() + 1;
      if (retries >= maxAttempts || (errorType !== "THROTTLING" && errorType !== "TRANSIENT")) {
        throw new Error("not to be tried again");
      }
      const hintMs = retryAfterHint ? retryAfterHint.getTime() - Date.now() : 0;
      if (hintMs > longestHintMs) throw new Error("not to be tried again soon");
      const delayMs = firstDelayMs[errorType] * 2 ** (retries - 1) * (0.5 + random() / 2);
      return token(retries, Math.max(hintMs, delayMs));
    },
    recordSuccess() {},
  };
}

function token(retries: number, delayMs: number): RetryToken {
  return { getRetryCount: () => retries, getRetryDelay: () => delayMs };
}
