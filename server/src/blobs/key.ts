/** Keys of blobs: 1 to 1,024 bytes of UTF-8, of any characters. They are compared and ordered by their bytes. */
import { maxKeyBytes } from "#platform/blob-limits.ts";
import { invalidInput } from "#platform/errors.ts";

/** The bytes that the database keeps it by. Rejects with "invalid-input" what is no key. */
export function keyBytes(key: string, field = "key"): Buffer {
  // A lone surrogate has no UTF-8; encoding would make the same key of different ones.
  if (!key.isWellFormed()) throw invalidInput(field, "must be valid Unicode");
  const bytes = Buffer.from(key);
  if (bytes.length === 0) throw invalidInput(field, "must not be empty");
  if (bytes.length > maxKeyBytes) throw invalidInput(field, `must have at most ${maxKeyBytes} bytes`);
  return bytes;
}

export function keyOfBytes(bytes: Buffer): string {
  return bytes.toString();
}

/** The first of all keys that come after those with this prefix; undefined: there are none such. */
export function endOfPrefix(prefix: Buffer): Buffer | undefined {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last < 0) return undefined;
  const end = Buffer.from(prefix.subarray(0, last + 1));
  end[last]! += 1;
  return end;
}
