import type { ByteRange } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";

/** What of an object is asked for; all there is from the offset on, when no length is given. */
export function rangeOf(
  asked: { offset?: number | undefined; length?: number | undefined },
  size: number,
): ByteRange {
  const { offset = 0, length = size - offset } = asked;
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!isWhole || offset < 0 || length < 0 || offset + length > size) throw fault("range-not-satisfiable");
  return { offset, length };
}
