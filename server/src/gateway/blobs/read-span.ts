/** A part of an object, as the blob service streams it. */
import { type BlobRoutesOptions, streamOptions } from "#gateway/blobs/blob-options.ts";
import type { Span } from "#gateway/blobs/ranges.ts";
import type { Transfer } from "#gateway/blobs/transfer.ts";
import type { CallContext } from "#gateway/call.ts";
import { fault } from "#platform/errors.ts";

export interface SpanRead {
  objectId: string;
  span: Span;
  context: CallContext;
  transfer: Transfer;
}

/** Throws when there are fewer bytes, or more, than there must be. */
export async function* readSpan(
  { clients }: BlobRoutesOptions,
  { objectId, span, context, transfer }: SpanRead,
): AsyncGenerator<Uint8Array> {
  const { progress, signal, unlessAborted, fail } = transfer;
  const request = { objectId, offset: span.start, length: span.length };
  const answers = clients.blobsInternal.readObject(request, streamOptions(context, signal));
  const iterator = answers[Symbol.asyncIterator]();
  let left = span.length;
  let isEnded = false;
  try {
    while (left >= 0) {
      progress.waitFor("service");
      const { done, value } = await unlessAborted(iterator.next());
      if (done) {
        isEnded = true;
        break;
      }
      left -= value.data.length;
      if (left >= 0) yield value.data;
    }
    if (left !== 0)
      throw fault("internal", { cause: new Error(`an object is ${left} bytes longer than read`) });
  } finally {
    if (!isEnded) {
      fail(fault("cancelled"));
      void letEnd(iterator);
    }
  }
}

/**
 * Clients of connect-es cannot give an answer up: whoever serves it waits where he handed out the last chunk, until he is asked
 * for more and sees that the signal has aborted. Not waited for, as he may stand still.
 */
async function letEnd(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    while (!(await iterator.next()).done);
  } catch {
    // So it has ended.
  }
}
