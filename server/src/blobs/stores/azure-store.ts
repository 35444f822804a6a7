/** Objects in Azure Blob Storage. */
import { Readable } from "node:stream";
import { createAzureContainers } from "#blobs/stores/azure/azure-client.ts";
import { explainAzure, isMissing, toAzureFault } from "#blobs/stores/azure/azure-faults.ts";
import { azurePartLimits, createAzureUpload } from "#blobs/stores/azure/azure-upload.ts";
import { exactBody, wrongAnswer } from "#blobs/stores/http-read.ts";
import { ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";
import { createPartWriter } from "#blobs/stores/part-writer.ts";
import { probe } from "#blobs/stores/probe.ts";
import { unlessStalled } from "#blobs/stores/stall-watch.ts";
import { requireFolder, requireObjectName, requireStoredName } from "#blobs/stores/store-names.ts";
import type { AzureLocation } from "#blobs/stores/store-url.ts";

/** Deletions under way at once. */
const deleteLanes = 8;

export function createAzureStore(
  location: AzureLocation,
  { stallMs }: { stallMs: number },
  environment: Record<string, string | undefined> = process.env,
): ObjectStore {
  const containers = createAzureContainers(location, environment);
  const { patient } = containers;
  const { prefix } = location;
  const writeParts = createPartWriter({ ...azurePartLimits, stallMs });
  async function sizeOf(name: string, signal?: AbortSignal): Promise<number | undefined> {
    requireObjectName(name);
    try {
      const client = patient.getBlobClient(prefix + name);
      const ask = (abortSignal: AbortSignal) => client.getProperties({ abortSignal });
      return (await unlessStalled(stallMs, signal, ask)).contentLength;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw signal?.aborted ? signal.reason : toAzureFault(error);
    }
  }

  const store: ObjectStore = {
    kind: "azblob",
    description: `azblob://${location.container}/${prefix}`,
    async check(signal) {
      try {
        await probe(store, signal);
      } catch (error) {
        throw explainAzure(error, store.description);
      }
    },
    async write(name, bytes, options) {
      requireObjectName(name);
      await writeParts(createAzureUpload(containers, prefix + name), bytes, options, toAzureFault);
    },
    async read(name, { offset, length }, signal) {
      requireObjectName(name);
      if (length === 0) {
        if ((await sizeOf(name, signal)) === undefined) throw new ObjectMissing(name);
        return Readable.from([]);
      }
      try {
        const client = patient.getBlobClient(prefix + name);
        const ask = (abortSignal: AbortSignal) =>
          client.download(offset, length, { abortSignal, maxRetryRequests: 0 });
        const answer = await unlessStalled(stallMs, signal, ask);
        const body = answer.readableStreamBody as Readable;
        if (answer.contentLength !== length) {
          throw wrongAnswer(body, `the store answers ${answer.contentLength} bytes of ${length}`);
        }
        return exactBody(body, { length, signal, stallMs, toFault: toAzureFault });
      } catch (error) {
        if (isMissing(error)) throw new ObjectMissing(name);
        throw signal.aborted ? signal.reason : toAzureFault(error);
      }
    },
    sizeOf,
    async delete(names) {
      for (const name of names) requireStoredName(name);
      const left = names.values();
      const lane = async () => {
        for (const name of left) {
          const client = patient.getBlobClient(prefix + name);
          await unlessStalled(stallMs, undefined, (abortSignal) => client.deleteIfExists({ abortSignal }));
        }
      };
      try {
        await Promise.all(Array.from({ length: Math.min(deleteLanes, names.length) }, lane));
      } catch (error) {
        throw toAzureFault(error);
      }
    },
    async *list(folder) {
      requireFolder(folder);
      try {
        for await (const { name } of patient.listBlobsFlat({ prefix: prefix + folder })) {
          yield name.slice(prefix.length);
        }
      } catch (error) {
        throw toAzureFault(error);
      }
    },
    async *folders() {
      try {
        for await (const { kind, name } of patient.listBlobsByHierarchy("/", { prefix })) {
          if (kind === "prefix") yield name.slice(prefix.length);
        }
      } catch (error) {
        throw toAzureFault(error);
      }
    },
  };
  return store;
}
