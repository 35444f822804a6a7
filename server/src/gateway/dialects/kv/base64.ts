/** Base64 as RFC 4648 has it, section 4, of which Node by itself takes whatever looks like it. */
import { invalidInput } from "#platform/errors.ts";

/** The padding may be left out, and lines may be wrapped, as base64(1) does. Throws "invalid-input". */
export function decodeBase64(text: string, field: string): Buffer {
  const compact = text.replace(/[ \t\r\n]+/g, "");
  const bytes = Buffer.from(compact, "base64");
  const padded = bytes.toString("base64");
  if (compact !== padded && compact !== padded.replace(/=+$/, "")) {
    throw invalidInput(field, "must be base64 in its standard alphabet");
  }
  return bytes;
}
