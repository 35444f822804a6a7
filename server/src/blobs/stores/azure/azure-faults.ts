import { ConnectError } from "@connectrpc/connect";
import { retryAfterMs } from "#blobs/stores/retry-after.ts";
import { fault } from "#platform/errors.ts";

/** The part of an error of Azure's SDK that is looked at. */
interface AzureError extends Error {
  code?: string;
  statusCode?: number;
  response?: { headers?: { get(name: string): string | undefined } };
}

export function isMissing(error: unknown): boolean {
  const { code, statusCode, name } = error as AzureError;
  // An answer to HEAD has no body, and names its error in a header.
  return statusCode === 404 && name === "RestError" && code !== "ContainerNotFound";
}

/** What a caller is told of an error of the SDK. */
export function toAzureFault(cause: unknown): unknown {
  if (cause instanceof ConnectError) return cause;
  const { statusCode, response } = cause as AzureError;
  if (statusCode === 507) return fault("storage-full", { cause });
  return fault("blob-store-unavailable", {
    cause,
    retryAfterMs: retryAfterMs(response?.headers?.get("retry-after"), statusCode),
  });
}

const remedies: Record<string, string> = {
  ContainerNotFound: "there is no such container: make it, or correct PARLEY_BLOB_STORE",
  AuthenticationFailed: "the account's key is not right: correct AZURE_STORAGE_KEY, or the connection string",
  AuthorizationFailure: "the account may not be used from here: see its network rules and its key",
  AuthorizationPermissionMismatch:
    "the credentials do not suffice for reading, writing, deleting and listing blobs",
};

/** Of a failed check: as what is to be done when it is clear, as it is when the store is merely away. */
export function explainAzure(error: unknown, store: string): unknown {
  const cause = (error as Error).cause as AzureError | undefined;
  const remedy = remedies[cause?.code ?? ""];
  return remedy ? new Error(`blobs cannot be kept in ${store}: ${remedy}`, { cause }) : error;
}
