import { invalidInput } from "#platform/errors.ts";

/** Undefined: it was not said. */
export function wholeSize(size: number | undefined, field = "size"): number | undefined {
  if (size === undefined || (Number.isSafeInteger(size) && size >= 0)) return size;
  throw invalidInput(field, "must be a whole number of bytes");
}
