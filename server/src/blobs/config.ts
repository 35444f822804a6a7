import { parseStoreUrl } from "#blobs/stores/store-url.ts";
import { blobLimitSettings } from "#platform/blob-limits.ts";
import { integer, list, text, url, type Values } from "#platform/settings.ts";

export const blobSettings = {
  PARLEY_BLOB_STORE: {
    ...text<string | undefined>(
      "where the bytes of blobs are kept: file:///folder, s3://bucket/prefix?region=…&endpoint=…, azblob://container/prefix; without it, in PARLEY_DATA_DIR",
      undefined,
    ),
    parse(value: string): string | undefined {
      parseStoreUrl(value);
      return value;
    },
  },
  ...blobLimitSettings,
  PARLEY_BLOB_QUOTA_BYTES: integer("bytes that one user may keep, attachments included", 10_737_418_240, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  PARLEY_BLOB_CACHE_BYTES: integer(
    "memory for small blobs that are read often, in bytes; 0: none",
    33_554_432,
    {
      min: 0,
      max: 68_719_476_736,
    },
  ),
  PARLEY_BLOB_TRANSFERS_MAX: integer(
    "uploads and downloads at once, by one process; one more is refused",
    1_000,
    {
      min: 1,
      max: 100_000,
    },
  ),
  PARLEY_BLOB_GARBAGE_GRACE_MS: integer(
    "how long the bytes of a replaced or deleted blob are kept for those who are reading them",
    600_000,
    { min: 0, max: 86_400_000 },
  ),
  PARLEY_BLOB_UPLOAD_EXPIRY_HOURS: integer("how long an unfinished upload is kept after its last bytes", 24, {
    min: 1,
    max: 8_760,
  }),
  PARLEY_BLOB_WRITE_BACK: list(
    "blobs that are acknowledged once they are on this machine's disk, and brought to the object store in the background: prefixes of keys, or * for all",
    [],
  ),
  PARLEY_BLOB_SPOOL_URL: url(
    "where other processes reach this one's service port, for blobs that only its disk has so far: http://host:9091",
    ["http:"],
  ),
  PARLEY_BLOB_SPOOL_MAX_BYTES: integer(
    "bytes on this machine's disk that may wait for the object store; then blobs go there at once",
    10_737_418_240,
    { min: 0, max: Number.MAX_SAFE_INTEGER },
  ),
  PARLEY_PICTURE_PROCESSES: integer(
    "pictures that are looked at, at once, by one process, each in a process of its own; 0: none is",
    1,
    { min: 0, max: 64 },
  ),
  PARLEY_PICTURE_MAX_BYTES: integer("how large a picture may be to get a thumbnail", 33_554_432, {
    min: 1,
    max: 1_073_741_824,
  }),
  PARLEY_PICTURE_MAX_PIXELS: integer(
    "of how many pixels a picture may be to get a thumbnail; reading it takes up to 8 bytes of memory for each",
    64_000_000,
    { min: 1, max: 1_000_000_000 },
  ),
};

export type BlobConfig = Values<typeof blobSettings>;
