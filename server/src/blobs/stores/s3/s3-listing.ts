/** What is in a bucket, and taking it away; also uploads in parts that nobody finished, which hold bytes and are no objects. */
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import { unfinishedName } from "#blobs/stores/store-names.ts";

export interface Bucket {
  client: S3Client;
  bucket: string;
  /** Empty, or ends with "/". */
  prefix: string;
}

/** Names of objects, without the prefix. */
export async function* listObjects(
  { client, bucket, prefix }: Bucket,
  folder: string,
): AsyncGenerator<string> {
  const input = { Bucket: bucket, Prefix: `${prefix}${folder}` };
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, input)) {
    for (const { Key } of Contents) yield Key!.slice(prefix.length);
  }
}

export async function* listFolders({ client, bucket, prefix }: Bucket): AsyncGenerator<string> {
  const input = { Bucket: bucket, Prefix: prefix, Delimiter: "/" };
  for await (const { CommonPrefixes = [] } of paginateListObjectsV2({ client }, input)) {
    for (const { Prefix } of CommonPrefixes) yield Prefix!.slice(prefix.length);
  }
}

/** The upload's id is in the name, so that it can be given up by it. */
export async function* listUnfinished(
  { client, bucket, prefix }: Bucket,
  folder: string,
): AsyncGenerator<string> {
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
  while (marker) {
    const input: ListMultipartUploadsCommand["input"] = {
      Bucket: bucket,
      Prefix: `${prefix}${folder}`,
      ...marker,
    };
    const page = await client.send(new ListMultipartUploadsCommand(input));
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

export async function deleteStored(
  { client, bucket, prefix }: Bucket,
  names: readonly string[],
): Promise<void> {
  const objects = names.filter((name) => !name.endsWith(".part"));
  for (let at = 0; at < objects.length; at += deleteBatch) {
    const Objects = objects.slice(at, at + deleteBatch).map((name) => ({ Key: prefix + name }));
    const { Errors = [] } = await client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const failed = Errors.find(({ Code }) => Code !== "NoSuchKey");
    if (failed) throw new Error(`an object was not deleted: ${failed.Code}`);
  }
  for (const name of names.filter((name) => name.endsWith(".part"))) {
    const [, key, token] = /^(.*?)\.(.*)\.part$/.exec(name)!;
    const UploadId = Buffer.from(token!, "base64url").toString();
    await client
      .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: prefix + key, UploadId }))
      .catch(unlessGone);
  }
}

function unlessGone(error: unknown) {
  if ((error as Error).name !== "NoSuchUpload") throw error;
}
