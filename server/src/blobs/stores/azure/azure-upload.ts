import type { AzureContainers } from "#blobs/stores/azure/azure-client.ts";
import type { ObjectUpload, PartBody, PartedUpload } from "#blobs/stores/part-writer.ts";

const mib = 1_048_576;

/** 50,000 parts make 12 TiB. */
export const azurePartLimits = { putBytes: 5_000 * mib, streamedPartBytes: 256 * mib, maxParts: 50_000 };

const cleanUpMs = 5_000;

export function createAzureUpload({ patient, once }: AzureContainers, path: string): ObjectUpload {
  const clientFor = ({ bytes }: PartBody) =>
    (Buffer.isBuffer(bytes) ? patient : once).getBlockBlobClient(path);
  return {
    async put(body, abortSignal) {
      await clientFor(body).upload(body.bytes, body.size, { abortSignal });
    },
    async begin() {
      const ids: string[] = [];
      const upload: PartedUpload = {
        async part(number, body, abortSignal) {
          // All of one length, as Azure wants them.
          const id = Buffer.from(String(number).padStart(8, "0")).toString("base64");
          await clientFor(body).stageBlock(id, body.bytes, body.size, { abortSignal });
          ids.push(id);
        },
        async complete(abortSignal) {
          await patient.getBlockBlobClient(path).commitBlockList(ids, { abortSignal });
        },
        // Blocks that belong to no blob are Azure's to discard, after a week; there is no way to do it.
        async abort() {},
      };
      return upload;
    },
    async remove() {
      const abortSignal = AbortSignal.timeout(cleanUpMs);
      await patient
        .getBlockBlobClient(path)
        .deleteIfExists({ abortSignal })
        .catch(() => {});
    },
  };
}
