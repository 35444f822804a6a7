import type { HandlerContext } from "@connectrpc/connect";
import type { AppendToUploadHead, AppendToUploadRequest } from "@parley/api/internal/blobs";
import { callerOf, wholeSize } from "#blobs/input.ts";
import { readStreamedRequest } from "#blobs/streamed-request.ts";
import type { Transfers } from "#blobs/transfers.ts";
import { append } from "#blobs/uploads/append.ts";
import { createIncomingBytes } from "#blobs/uploads/incoming-bytes.ts";
import { saySize } from "#blobs/uploads/progress.ts";
import { requireUpload } from "#blobs/uploads/require-upload.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import { uploadedBlobView } from "#blobs/uploads/upload-view.ts";
import { fault } from "#platform/errors.ts";

const idleMs = 60_000;

export function appendToUpload(parts: UploadParts & { transfers: Transfers }) {
  return async (requests: AsyncIterable<AppendToUploadRequest>, context: HandlerContext) => {
    const ownerId = callerOf(context).userId;
    const { head, data } = await readStreamedRequest(requests);
    const upload = await requireStanding(parts, head, ownerId);
    if (upload.doneAt) return answer(upload);
    const leave = parts.transfers.enter(context.signal);
    const bytes = createIncomingBytes(data, { signal: context.signal, idleMs });
    try {
      const standing = await append(parts, { upload, bytes });
      if (bytes.failure === undefined) return answer(standing);
      throw fault("cancelled", { cause: bytes.failure });
    } finally {
      bytes.close();
      leave();
    }
  };
}

function answer(upload: UploadRow) {
  const blob = uploadedBlobView(upload);
  return { offset: upload.received, ...(blob ? { blob } : {}) };
}

/** Rejects with "upload-offset-mismatch" when it does not stand where the head says. */
async function requireStanding(
  parts: UploadParts,
  { id, offset, size }: AppendToUploadHead,
  ownerId: string,
): Promise<UploadRow> {
  const sought = { id, ownerId, isDirect: false };
  let upload = await requireUpload(parts, sought);
  // Who repeats the last append has not heard that it succeeded.
  if (upload.doneAt && (offset === upload.received || offset === upload.appendFrom)) return upload;
  if (offset !== upload.received) throw fault("upload-offset-mismatch");
  const said = wholeSize(size);
  if (said === undefined || said === upload.size) return upload;
  if (upload.size === null) {
    await saySize(parts, upload, said);
    upload = await requireUpload(parts, sought);
  }
  if (upload.size !== said)
    throw fault("invalid-input", { detail: "The upload's size was said before, and differs" });
  return upload;
}
