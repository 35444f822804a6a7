import { toPublicError } from "#platform/errors.ts";

const remedies: Record<string, string> = {
  NoSuchBucket: "there is no such bucket: make it, or correct PARLEY_BLOB_STORE",
  AccessDenied:
    "the credentials do not suffice: allow s3:PutObject, GetObject, DeleteObject, ListBucket, AbortMultipartUpload and ListBucketMultipartUploads",
  InvalidAccessKeyId: "the access key is not known there: correct AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "the secret key is not right: correct AWS_SECRET_ACCESS_KEY",
  CredentialsProviderError:
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another source that AWS's SDK knows",
  PermanentRedirect: "the bucket is in another region: correct region= in PARLEY_BLOB_STORE",
  AuthorizationHeaderMalformed: "the bucket is in another region: correct region= in PARLEY_BLOB_STORE",
};

/** Of a failed check: as what is to be done when it is clear, as it is when the store is merely away. */
export function explainS3(error: unknown, store: string): unknown {
  const cause = (error as Error).cause as Error | undefined;
  const remedy = missingRegion(cause) ?? (cause && remedies[cause.name]);
  if (remedy) return new Error(`blobs cannot be kept in ${store}: ${remedy}`, { cause });
  if (toPublicError(error).code === "blob-store-unavailable") return error;
  return new Error(`blobs cannot be kept in ${store}: ${(error as Error).message}`, { cause: error });
}

function missingRegion(cause: Error | undefined): string | undefined {
  return cause?.message === "Region is missing"
    ? "it has no region: add ?region= to PARLEY_BLOB_STORE, or set AWS_REGION"
    : undefined;
}
