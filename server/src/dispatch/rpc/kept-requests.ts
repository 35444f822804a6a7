/** What goes by way of the rows of requests. */
import { fault, toPublicError } from "#platform/errors.ts";

/**
 * Without the database these rows cannot be reached, but what needs none goes on: a code of its own, so that callers do
 * not take the whole of dispatch to be away.
 */
export async function withKeptRequests<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (toPublicError(error).code !== "unavailable") throw error;
    throw fault("requests-unavailable", { cause: error });
  }
}
