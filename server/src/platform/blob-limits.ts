/** The same for blobs, which keep to it, and the gateway, which refuses what is larger before it is read. */
import { integer } from "#platform/settings.ts";

export const blobLimitSettings = {
  PARLEY_BLOB_MAX_BYTES: integer("how large a blob may be", 2_147_483_648, {
    min: 1,
    max: 5_497_558_138_880,
  }),
};
