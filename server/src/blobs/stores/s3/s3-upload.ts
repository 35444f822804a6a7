import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { ObjectUpload, PartedUpload } from "#blobs/stores/part-writer.ts";

interface Target {
  Bucket: string;
  Key: string;
}

const gib = 1_073_741_824;

/** Amazon's; others allow as much. */
export const s3PartLimits = { putBytes: 5 * gib, streamedPartBytes: gib, maxParts: 10_000 };

const cleanUpMs = 5_000;

export function createS3Upload(client: S3Client, target: Target): ObjectUpload {
  return {
    async put({ bytes, size }, abortSignal) {
      const input = { ...target, Body: bytes, ContentLength: size };
      await client.send(new PutObjectCommand(input), { abortSignal });
    },
    async begin(abortSignal) {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(target), { abortSignal });
      return partedUpload(client, { ...target, UploadId: UploadId! });
    },
    async remove() {
      const abortSignal = AbortSignal.timeout(cleanUpMs);
      await client.send(new DeleteObjectCommand(target), { abortSignal }).catch(() => {});
    },
  };
}

function partedUpload(client: S3Client, target: Target & { UploadId: string }): PartedUpload {
  const parts: { PartNumber: number; ETag: string }[] = [];
  return {
    async part(number, { bytes, size }, abortSignal) {
      const input = { ...target, PartNumber: number, Body: bytes, ContentLength: size };
      const { ETag } = await client.send(new UploadPartCommand(input), { abortSignal });
      parts.push({ PartNumber: number, ETag: ETag! });
    },
    async complete(abortSignal) {
      const input = { ...target, MultipartUpload: { Parts: parts } };
      await client.send(new CompleteMultipartUploadCommand(input), { abortSignal });
    },
    async abort() {
      const abortSignal = AbortSignal.timeout(cleanUpMs);
      await client.send(new AbortMultipartUploadCommand(target), { abortSignal }).catch(() => {});
    },
  };
}
