/** Wrong credentials cost nobody else anything, but may not be tried without end: each counts against its sender's address. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { RateHeaders, Throttle } from "#gateway/throttle/throttle.ts";

/** What identifying a caller comes to. Rejects with "too-many-requests" instead of a refusal that is one too many. */
export async function countingRefusals<Caller>(
  identified: Promise<Caller>,
  throttle: Pick<Throttle, "admitStranger">,
  { clientAddress, response }: { clientAddress: string; response: RateHeaders },
): Promise<Caller> {
  try {
    return await identified;
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated)
      await throttle.admitStranger(clientAddress, response);
    throw error;
  }
}
