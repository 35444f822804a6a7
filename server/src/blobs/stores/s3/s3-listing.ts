/** What is in a bucket, and taking it away; also uploads in parts that nobody finished, which hold bytes and are no objects. */
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from "@aws-sdk/client-s3";
import { unlessStalled } from "#blobs/stores/stall-watch.ts";
import { unfinishedName } from "#blobs/stores/store-names.ts";

export interface Bucket {
  client: S3Client;
  bucket: string;
  /** Empty, or ends with "/". */
  prefix: string;
  /** For one answer. */
  stallMs: number;
}

/** Names of objects, without the prefix. */
export async function* listObjects(bucket: Bucket, folder: string): AsyncGenerator<string> {
  const { prefix } = bucket;
  for await (const { Contents = [] } of pagesOf(bucket, { Prefix: `${prefix}${folder}` })) {
    for (const { Key } of Contents) yield Key!.slice(prefix.length);
  }
}

export async function* listFolders(bucket: Bucket): AsyncGenerator<string> {
  const { prefix } = bucket;
  for await (const { CommonPrefixes = [] } of pagesOf(bucket, { Prefix: prefix, Delimiter: "/" })) {
    for (const { Prefix } of CommonPrefixes) yield Prefix!.slice(prefix.length);
  }
}

async function* pagesOf({ client, bucket, stallMs }: Bucket, what: { Prefix: string; Delimiter?: string }) {
  for (
    let ContinuationToken: string | undefined, isFirst = true;
    isFirst || ContinuationToken;
    isFirst = false
  ) {
    const input = { Bucket: bucket, ...what, ...(ContinuationToken ? { ContinuationToken } : {}) };
    const page: ListObjectsV2CommandOutput = await unlessStalled(stallMs, undefined, (abortSignal) =>
      client.send(new ListObjectsV2Command(input), { abortSignal }),
    );
    yield page;
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  }
}

/** The upload's id is in the name, so that it can be given up by it. */
export async function* listUnfinished(
  { client, bucket, prefix, stallMs }: Bucket,
  folder: string,
): AsyncGenerator<string> {
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
  while (marker) {
    const input: ListMultipartUploadsCommand["input"] = {
      Bucket: bucket,
      Prefix: `${prefix}${folder}`,
      ...marker,
    };
    const page = await unlessStalled(stallMs, undefined, (abortSignal) =>
      client.send(new ListMultipartUploadsCommand(input), { abortSignal }),
    );
    for (const { Key, UploadId } of page.Uploads ?? []) {
      yield unfinishedName(Key!.slice(prefix.length), Buffer.from(UploadId!).toString("base64url"));
    }
    marker = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      : undefined;
  }
}

/** The most that S3 takes at once. */
const deleteBatch = 1_000;

export async function deleteStored(bucket: Bucket, names: readonly string[]): Promise<void> {
  const objects = names.filter((name) => !name.endsWith(".part"));
  for (let at = 0; at < objects.length; at += deleteBatch) {
    await deleteObjects(bucket, objects.slice(at, at + deleteBatch));
  }
  for (const name of names) if (name.endsWith(".part")) await abortUpload(bucket, name);
}

async function deleteObjects({ client, bucket, prefix, stallMs }: Bucket, names: string[]): Promise<void> {
  const Delete = { Objects: names.map((name) => ({ Key: prefix + name })), Quiet: true };
  const { Errors = [] } = await unlessStalled(stallMs, undefined, (abortSignal) =>
    client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }), { abortSignal }),
  );
  const failed = Errors.find(({ Code }) => Code !== "NoSuchKey");
  if (failed) throw new Error(`an object was not deleted: ${failed.Code}`);
}

async function abortUpload({ client, bucket, prefix, stallMs }: Bucket, name: string): Promise<void> {
  const [, key, token] = /^(.*?)\.(.*)\.part$/.exec(name)!;
  const UploadId = Buffer.from(token!, "base64url").toString();
  const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: prefix + key, UploadId });
  try {
    await unlessStalled(stallMs, undefined, (abortSignal) => client.send(command, { abortSignal }));
  } catch (error) {
    if ((error as Error).name !== "NoSuchUpload") throw error;
  }
}
