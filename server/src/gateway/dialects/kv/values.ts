/** Values of kv are blobs: written and read by the same calls as those of /v2/blobs, but as a whole. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PutBlobRequestSchema } from "@parley/api/internal/blobs";
import { stallLimits } from "#gateway/blobs/progress.ts";
import type { CallContext } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";
import type { DialectParts } from "#gateway/dialects/dialect.ts";
import { contentTypeOf, extensionOf } from "#gateway/dialects/kv/extensions.ts";
import { fault } from "#platform/errors.ts";

export interface Value {
  key: string;
  extension: string;
  bytes: Buffer;
}

export interface FoundValue {
  readonly extension: string;
  readonly size: number;
  read(): Promise<Buffer>;
}

export interface Values {
  /** There for every reader on every pod when it resolves, in place of what the key had before. */
  put(value: Value, context: CallContext): Promise<void>;
  /** Rejects with "blob-not-found". What is read is what was found, also when the key has another value by then. */
  find(key: string, context: CallContext): Promise<FoundValue>;
}

const chunkBytes = 65_536;

export function createValues({ clients, optionsFor }: DialectParts): Values {
  const { blobsInternal } = clients;
  // As long as /v2/blobs gives the store to go on.
  const forTransfer = (context: CallContext) => callOptions({ ...context, timeoutMs: stallLimits.serviceMs });
  return {
    async put(value, context) {
      await blobsInternal.putBlob(partsOf(value), forTransfer(context));
    },
    async find(key, context) {
      const found = await blobsInternal.findBlob({ key }, optionsFor(context));
      const { objectId } = found.blob!;
      const { size, ...blob } = found.blob!.blob!;
      return {
        size,
        extension: extensionOf(blob),
        read: () => collect(blobsInternal.readObject({ objectId }, forTransfer(context)), size),
      };
    },
  };
}

async function* partsOf({
  key,
  extension,
  bytes,
}: Value): AsyncGenerator<MessageInitShape<typeof PutBlobRequestSchema>> {
  const metadata = { extension };
  const value = { key, contentType: contentTypeOf(extension), metadata, size: bytes.length };
  yield { part: { case: "head", value } };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield { part: { case: "data", value: bytes.subarray(at, at + chunkBytes) } };
  }
}

/** A chunk is good until the one after it has come: its memory is then given back, so it is copied at once. */
async function collect(answers: AsyncIterable<{ data: Uint8Array }>, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let length = 0;
  for await (const { data } of answers) {
    if (length + data.length <= size) bytes.set(data, length);
    length += data.length;
  }
  if (length !== size) {
    throw fault("internal", { cause: new Error(`an object of ${size} bytes came as ${length}`) });
  }
  return bytes;
}
