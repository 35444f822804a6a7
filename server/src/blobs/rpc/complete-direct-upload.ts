import type { HandlerContext } from "@connectrpc/connect";
import type { CompleteDirectUploadRequest } from "@parley/api/v2/blob";
import { isWrong, takeArrival } from "#blobs/direct/arrival.ts";
import { requireDirect } from "#blobs/direct/require-direct.ts";
import { callerOf } from "#blobs/input.ts";
import type { Objects } from "#blobs/objects/objects.ts";
import { lockUsage, removeUpload } from "#blobs/store-uploads.ts";
import { finishAs } from "#blobs/uploads/finish.ts";
import { requireUpload } from "#blobs/uploads/require-upload.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { UploadRow } from "#blobs/uploads/upload-row.ts";
import { uploadedBlobView } from "#blobs/uploads/upload-view.ts";

type Parts = UploadParts & { objects: Objects };

/** Wrong bytes end the upload: its URL takes no others. */
export function completeDirectUpload(parts: Parts) {
  return async ({ id }: CompleteDirectUploadRequest, context: HandlerContext) => {
    const upload = await requireUpload(parts, { id, ownerId: callerOf(context).userId, isDirect: true });
    const done = upload.doneAt ? upload : await complete(parts, upload, context.signal);
    return { blob: uploadedBlobView(done)!.blob };
  };
}

async function complete(parts: Parts, upload: UploadRow, signal: AbortSignal): Promise<UploadRow> {
  const { store, objects, config, database } = parts;
  try {
    const object = await takeArrival({ store, objects, direct: requireDirect(store) }, upload, signal);
    const done = await database.transaction(async (tx) => {
      await lockUsage(tx, upload.ownerId);
      return await finishAs(tx, config, upload.id, () => object);
    });
    // What another call has completed meanwhile is not ours to take away.
    const id = done ? upload.objectId : object.id;
    if (object.id !== upload.objectId) await objects.discard({ id, spooledBy: undefined });
    return done ?? (await requireUpload(parts, upload));
  } catch (error) {
    if (isWrong(error)) await removeUpload(database, upload);
    throw error;
  }
}
