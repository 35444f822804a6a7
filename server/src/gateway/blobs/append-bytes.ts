/** The body of a request becomes more of an upload. What has come stays, also when the client goes away. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AppendToUploadHeadSchema,
  AppendToUploadRequestSchema,
  AppendToUploadResponse,
} from "@parley/api/internal/blobs";
import { type BlobRoutesOptions, streamOptions } from "#gateway/blobs/blob-options.ts";
import type { ByteExchange } from "#gateway/blobs/byte-route.ts";
import { giveLeave } from "#gateway/blobs/expectation.ts";
import { requestBytes } from "#gateway/blobs/request-bytes.ts";
import { beginTransfer, type Transfer } from "#gateway/blobs/transfer.ts";

type Head = MessageInitShape<typeof AppendToUploadHeadSchema>;

export async function appendBytes(
  options: BlobRoutesOptions,
  exchange: ByteExchange,
  head: Head,
): Promise<AppendToUploadResponse> {
  const { context, reply } = exchange;
  const { clients, transferTurns, limits } = options;
  const transfer = beginTransfer(reply.raw, limits);
  const turn = { timeoutMs: options.timeoutMs, signal: transfer.signal };
  // Goes on without its client, to keep what has come.
  const signal = signalAfter(transfer.signal, limits.serviceMs);
  const appended = transferTurns.run(context.caller!.userId, turn, () =>
    clients.blobsInternal.appendToUpload(partsOf(head, exchange, transfer), streamOptions(context, signal)),
  );
  try {
    return await transfer.unlessAborted(appended);
  } finally {
    transfer.end();
  }
}

async function* partsOf(
  head: Head,
  { request, reply }: ByteExchange,
  transfer: Transfer,
): AsyncGenerator<MessageInitShape<typeof AppendToUploadRequestSchema>> {
  yield { part: { case: "head", value: head } };
  giveLeave(request.raw, reply.raw);
  try {
    for await (const value of requestBytes(request.raw, transfer)) yield { part: { case: "data", value } };
  } catch (error) {
    // A clean end: the service takes what there is.
    if (!transfer.signal.aborted) throw error;
  }
}

/** Aborts so long after the other. */
function signalAfter(signal: AbortSignal, graceMs: number): AbortSignal {
  const controller = new AbortController();
  const onAbort = () => void setTimeout(() => controller.abort(signal.reason), graceMs).unref();
  signal.addEventListener("abort", onAbort, { once: true });
  return controller.signal;
}
