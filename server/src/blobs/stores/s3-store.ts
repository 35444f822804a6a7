/** Objects in S3, or in what speaks its language. */
import type { Readable } from "node:stream";
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { exactBody, wrongAnswer } from "#blobs/stores/http-read.ts";
import { ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";
import { createPartWriter } from "#blobs/stores/part-writer.ts";
import { probe } from "#blobs/stores/probe.ts";
import { explainS3 } from "#blobs/stores/s3/explain-s3.ts";
import { createS3Client, type S3Limits } from "#blobs/stores/s3/s3-client.ts";
import { createS3Direct } from "#blobs/stores/s3/s3-direct.ts";
import { isMissing, toS3Fault } from "#blobs/stores/s3/s3-faults.ts";
import {
  type Bucket,
  deleteStored,
  listFolders,
  listObjects,
  listUnfinished,
} from "#blobs/stores/s3/s3-listing.ts";
import { createS3Upload, s3PartLimits } from "#blobs/stores/s3/s3-upload.ts";
import { unlessStalled } from "#blobs/stores/stall-watch.ts";
import { requireFolder, requireObjectName, requireStoredName } from "#blobs/stores/store-names.ts";
import type { S3Location } from "#blobs/stores/store-url.ts";

export function createS3Store(location: S3Location, limits: S3Limits): ObjectStore {
  const client = createS3Client(location, limits);
  const { stallMs } = limits;
  const bucket: Bucket = { client, bucket: location.bucket, prefix: location.prefix, stallMs };
  const writeParts = createPartWriter({ ...s3PartLimits, stallMs });
  const targetOf = (name: string) => {
    requireObjectName(name);
    return { Bucket: location.bucket, Key: location.prefix + name };
  };
  async function sizeOf(name: string, signal?: AbortSignal): Promise<number | undefined> {
    const target = targetOf(name);
    try {
      const command = new HeadObjectCommand(target);
      const send = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
      return (await unlessStalled(stallMs, signal, send)).ContentLength;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw signal?.aborted ? signal.reason : toS3Fault(error);
    }
  }

  const store: ObjectStore = {
    kind: "s3",
    description: `s3://${location.bucket}/${location.prefix}`,
    async check(signal) {
      try {
        await probe(store, signal);
      } catch (error) {
        throw explainS3(error, store.description);
      }
    },
    async write(name, bytes, options) {
      const upload = createS3Upload(client, targetOf(name));
      await writeParts(upload, bytes, options, toS3Fault);
    },
    async read(name, { offset, length }, signal) {
      const target = targetOf(name);
      if (length === 0) {
        if ((await sizeOf(name, signal)) === undefined) throw new ObjectMissing(name);
        return nothing();
      }
      try {
        const command = new GetObjectCommand({ ...target, Range: `bytes=${offset}-${offset + length - 1}` });
        const send = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
        const { Body, ContentLength } = await unlessStalled(stallMs, signal, send);
        const body = Body as Readable;
        if (ContentLength !== length)
          throw wrongAnswer(body, `the store answers ${ContentLength} bytes of ${length}`);
        return exactBody(body, { length, signal, stallMs, toFault: toS3Fault });
      } catch (error) {
        if (isMissing(error)) throw new ObjectMissing(name);
        throw signal.aborted ? signal.reason : toS3Fault(error);
      }
    },
    sizeOf,
    async delete(names) {
      for (const name of names) requireStoredName(name);
      await deleteStored(bucket, names).catch(throwFault);
    },
    async *list(folder) {
      requireFolder(folder);
      try {
        yield* listObjects(bucket, folder);
        yield* listUnfinished(bucket, folder);
      } catch (error) {
        throw toS3Fault(error);
      }
    },
    async *folders() {
      try {
        yield* listFolders(bucket);
      } catch (error) {
        throw toS3Fault(error);
      }
    },
    direct: createS3Direct(bucket),
  };
  return store;
}

function throwFault(error: unknown): never {
  throw toS3Fault(error);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
