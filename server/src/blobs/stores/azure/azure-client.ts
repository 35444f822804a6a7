import {
  BlobServiceClient,
  type ContainerClient,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import type { AzureLocation } from "#blobs/stores/store-url.ts";

export interface AzureContainers {
  /** Tries again what fails, with growing pauses: for what is sent out of memory, or not at all. */
  patient: ContainerClient;
  /** Tries once: for bodies that can be sent only once. */
  once: ContainerClient;
}

type Environment = Record<string, string | undefined>;

const patience = { maxTries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 };

export function createAzureContainers(location: AzureLocation, environment: Environment): AzureContainers {
  const open = (retryOptions: StoragePipelineOptions["retryOptions"] & object) =>
    serviceOf(location, environment, { retryOptions }).getContainerClient(location.container);
  return { patient: open(patience), once: open({ maxTries: 1 }) };
}

function serviceOf({ endpoint }: AzureLocation, environment: Environment, options: StoragePipelineOptions) {
  const {
    AZURE_STORAGE_CONNECTION_STRING: connection,
    AZURE_STORAGE_ACCOUNT: account,
    AZURE_STORAGE_KEY: key,
  } = environment;
  if (connection) return BlobServiceClient.fromConnectionString(connection, options);
  if (account && key) {
    const url = endpoint ?? `https://${account}.blob.core.windows.net`;
    return new BlobServiceClient(url, new StorageSharedKeyCredential(account, key), options);
  }
  throw new Error(
    "PARLEY_BLOB_STORE names Azure, which needs AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY",
  );
}
