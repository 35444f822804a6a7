/** Upload-Metadata of tus: pairs that the client chose, of which some mean something here. */
import type { IncomingMessage } from "node:http";
import { maxKeyBytes, metadataName } from "#platform/blob-limits.ts";
import { invalidInput } from "#platform/errors.ts";

const field = "Upload-Metadata";
const typeNames = ["contenttype", "filetype"];
const maxLength = 8_192;
const maxPairs = 32;

export interface UploadMetadata {
  key: string;
  contentType: string;
  metadata: Record<string, string>;
}

/** Names do not differ by case. Throws "invalid-input". */
export function readUploadMetadata(given: Record<string, string | null> | undefined): UploadMetadata {
  const pairs = new Map<string, string>();
  for (const [name, value] of Object.entries(given ?? {})) {
    const lower = name.toLowerCase();
    if (value?.includes("\ufffd")) throw invalidInput(field, `${name.slice(0, 64)} is not UTF-8`);
    if (!metadataName.test(lower)) throw invalidInput(field, "names are 1 to 64 of a-z, 0-9 and -");
    if (pairs.has(lower)) throw invalidInput(field, `${lower} is given twice`);
    pairs.set(lower, value ?? "");
  }
  const key = pairs.get("key") ?? "";
  if (key === "") throw invalidInput(field, "must hold the blob's key, as in: key <base64>");
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw invalidInput(field, `key is longer than ${maxKeyBytes} bytes`);
  const contentType = typeNames.map((name) => pairs.get(name)).find((type) => type) ?? "";
  for (const name of ["key", ...typeNames]) pairs.delete(name);
  if (pairs.size > maxPairs) throw invalidInput(field, `at most ${maxPairs} pairs`);
  return { key, contentType, metadata: Object.fromEntries(pairs) };
}

/** As it came, to be told again to whoever resumes. */
export function givenMetadata({ headers }: IncomingMessage): string {
  const text = String(headers["upload-metadata"] ?? "");
  if (text.length > maxLength) throw invalidInput(field, `must not be longer than ${maxLength} characters`);
  return text;
}
