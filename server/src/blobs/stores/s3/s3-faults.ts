import { ConnectError } from "@connectrpc/connect";
import { retryAfterMs } from "#blobs/stores/retry-after.ts";
import { fault } from "#platform/errors.ts";

/** The part of an error of AWS's SDK that is looked at. */
interface S3Error extends Error {
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

const noRoom = new Set(["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge"]);

export function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as S3Error;
  return name === "NoSuchKey" || (name === "NotFound" && $metadata?.httpStatusCode === 404);
}

/** What a caller is told of an error of the SDK. */
export function toS3Fault(cause: unknown): unknown {
  if (cause instanceof ConnectError) return cause;
  const { name, $metadata, $response } = cause as S3Error;
  if (noRoom.has(name) || $metadata?.httpStatusCode === 507) return fault("storage-full", { cause });
  // The store waited in vain for bytes: the sender is slow, the store is well.
  if (name === "RequestTimeout") return fault("timeout", { cause });
  return fault("blob-store-unavailable", {
    cause,
    retryAfterMs: retryAfterMs($response?.headers?.["retry-after"], $metadata?.httpStatusCode),
  });
}
