/** Azurite, Microsoft's own emulator of Azure Storage, for a test of its own. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { freePort } from "../../scripts/pods/free-port.ts";
import { type BlobServer, blobServers, startBlobServer } from "./blob-server.ts";

export interface AzureServer extends BlobServer {
  readonly endpoint: string;
  readonly container: string;
  /** AZURE_…, as Parley reads them. */
  readonly environment: Record<string, string>;
}

const script = join(blobServers, "azurite/node_modules/azurite/dist/src/blob/main.js");

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutAzure = existsSync(script)
  ? false
  : "no Azurite on this machine (scripts/install-blob-servers.sh installs it)";

// Published by Microsoft for its emulator; it opens nothing else.
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** To be called at the top level of a test file: it ends with the file. */
export async function startAzureServer(): Promise<AzureServer> {
  const folder = await mkdtemp(join(tmpdir(), "parley-test-azure-"));
  const port = await freePort();
  const container = "parley-test";
  const endpoint = `http://127.0.0.1:${port}/${account}`;
  const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${endpoint};`;
  const server = await startBlobServer({
    port,
    program: process.execPath,
    args: [
      script,
      "--location",
      folder,
      "--blobPort",
      String(port),
      "--silent",
      "--disableTelemetry",
      "--skipApiVersionCheck",
    ],
    cleanUp: () => rm(folder, { recursive: true, force: true, maxRetries: 10 }),
  });
  await BlobServiceClient.fromConnectionString(connection).createContainer(container);
  const environment = { AZURE_STORAGE_CONNECTION_STRING: connection };
  return Object.assign(server, { endpoint, container, environment });
}
