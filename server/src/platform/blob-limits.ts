/** The same for blobs, which keep to it, and for those who refuse what is beyond it before they ask blobs. */
import { integer } from "#platform/settings.ts";

export const blobLimitSettings = {
  PARLEY_BLOB_MAX_BYTES: integer("how large a blob may be", 2_147_483_648, {
    min: 1,
    max: 5_497_558_138_880,
  }),
};

/** Of a blob's key, in UTF-8. */
export const maxKeyBytes = 1_024;

/** Of a pair of a blob's metadata. */
export const metadataName = /^[a-z0-9-]{1,64}$/;
