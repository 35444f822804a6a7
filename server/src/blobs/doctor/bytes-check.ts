/** Whether the object store has all bytes that the rows say. */
import { objectName } from "#blobs/objects/object-name.ts";
import { objectsInStore } from "#blobs/store-doctor.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Check } from "#platform/doctor.ts";

const objectsAtATime = 500;
const lookUpsAtOnce = 16;

interface Piece {
  objectId: string;
  name: string;
  size: number;
}

/** Objects that are still on a pod's disk, and those about to be deleted, are not looked for. */
export function bytesCheck(store: ObjectStore): Check {
  return {
    name: "the object store has the bytes of every blob, in their length",
    isDeep: true,
    async *check(database, { signal, onProgress }) {
      let seen = 0;
      for await (const page of objectsInStore(database, objectsAtATime)) {
        const pieces = page.flatMap(piecesOf);
        for (let at = 0; at < pieces.length; at += lookUpsAtOnce) {
          signal.throwIfAborted();
          const some = pieces.slice(at, at + lookUpsAtOnce);
          const sizes = await Promise.all(some.map(({ name }) => store.sizeOf(name, signal)));
          for (const [nth, { objectId, name, size }] of some.entries()) {
            const found = sizes[nth];
            if (found === size) continue;
            yield { id: `object ${objectId}: ${name} has ${found ?? "no"} bytes instead of ${size}` };
          }
        }
        seen += page.length;
        onProgress(seen);
      }
    },
    advice:
      "The bytes cannot be made again: restore the object store from a backup that is as old as the database's or newer.",
  };
}

function piecesOf([objectId, size, pieces, sizes]: [
  string,
  number,
  string[] | null,
  number[] | null,
]): Piece[] {
  if (!pieces || !sizes) return [{ objectId, name: objectName(objectId), size }];
  return pieces.map((id, nth) => ({ objectId, name: objectName(id), size: sizes[nth]! }));
}
