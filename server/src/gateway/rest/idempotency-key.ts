/** The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a quoted string, or the bare key as many send it. */
import { invalidInput } from "#platform/errors.ts";

const maxChars = 255;
/** A string of RFC 8941: printable ASCII, with \ before " and \. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** Visible ASCII without what would make it a list, a string or a parameter. */
const bare = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/;

/** Takes all headers of that name. Throws "invalid-input". */
export function readIdempotencyKey(values: readonly string[]): string {
  if (values.length > 1)
    throw invalidInput("idempotencyKey", "is given twice: send one Idempotency-Key header");
  const text = values[0]!.trim();
  const key = quoted.exec(text)?.[1]?.replace(/\\(.)/g, "$1") ?? bare.exec(text)?.[0];
  if (key === undefined)
    throw invalidInput(
      "idempotencyKey",
      'must be a string of printable ASCII in quotes: Idempotency-Key: "key"',
    );
  if (key.length < 1 || key.length > maxChars)
    throw invalidInput("idempotencyKey", `must have from 1 to ${maxChars} characters`);
  return key;
}
