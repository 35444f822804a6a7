/**
 * The key of a blob as its URL writes it. It is text, never a path: dots, empty parts and whatever else a path would make
 * something of are characters like all others, so it is taken from the request target before anybody has normalised that.
 */
import { maxKeyBytes } from "#platform/blob-limits.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const absoluteForm = /^https?:\/\/[^/?#]*/i;

/** What follows the prefix in a request target, decoded once. Throws "malformed-request" or "invalid-input". */
export function keyOf(target: string, prefix = "/v2/blobs/"): string {
  const path = target.replace(absoluteForm, "").split("?", 1)[0]!;
  if (path.includes("#")) throw fault("malformed-request", { detail: "The URL must not hold a fragment" });
  const bytes = percentDecode(
    path
      .split("/")
      .slice(prefix.split("/").length - 1)
      .join("/"),
  );
  if (bytes.length === 0) throw invalidInput("key", "must not be empty");
  if (bytes.length > maxKeyBytes) throw invalidInput("key", `must not be longer than ${maxKeyBytes} bytes`);
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw fault("malformed-request", { detail: "The key is not UTF-8", cause });
  }
}

/** Node hands out the target as latin1, whatever its bytes are. */
function percentDecode(text: string): Buffer {
  if (/%(?![0-9a-f]{2})/i.test(text)) {
    throw fault("malformed-request", { detail: "The key is not percent-encoded as it must be" });
  }
  const plain = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}

/** Parts that clients would take out of a URL are held together by writing their slashes as %2F. */
const tricky = /^\/|\/$|\/\/|(^|\/)\.\.?(\/|$)/;

/** Where the blob is, as a URL that clients leave as it is; but for the keys "." and "..", of which there is none. */
export function blobPath(key: string): string {
  const encoded = encodeURIComponent(key);
  return `/v2/blobs/${tricky.test(key) ? encoded : encoded.replaceAll("%2F", "/")}`;
}
