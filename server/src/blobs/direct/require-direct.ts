import type { DirectTransfers, ObjectStore } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";

/** Rejects with "direct-transfer-unavailable" where clients cannot be sent to the store. */
export function requireDirect({ direct }: ObjectStore): DirectTransfers {
  if (!direct) throw fault("direct-transfer-unavailable");
  return direct;
}
