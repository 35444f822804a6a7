/** Metadata of a blob as headers: Parley-Meta-<name>: <value>, in UTF-8. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { metadataName } from "#platform/blob-limits.ts";
import { invalidInput } from "#platform/errors.ts";

const prefix = "parley-meta-";
const maxPairs = 32;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Throws "invalid-input". Sizes are the blob service's to judge. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(prefix)) continue;
    const name = header.slice(prefix.length);
    if (!metadataName.test(name)) throw invalidInput("Parley-Meta", "names are 1 to 64 of a-z, 0-9 and -");
    pairs.push([name, fromHeader(String(value))]);
  }
  if (pairs.length > maxPairs) throw invalidInput("Parley-Meta", `at most ${maxPairs} headers`);
  return Object.fromEntries(pairs);
}

export function metadataHeaders(metadata: Record<string, string>): OutgoingHttpHeaders {
  const pairs = Object.entries(metadata).map(([name, value]) => [prefix + name, toHeader(value)]);
  return Object.fromEntries(pairs);
}

/** Node hands out and takes headers as latin1, whatever their bytes are. */
function fromHeader(value: string): string {
  try {
    return utf8.decode(Buffer.from(value, "latin1"));
  } catch {
    throw invalidInput("Parley-Meta", "values must be UTF-8");
  }
}

/** What a header cannot hold (it may have been stored by other ways than these) is shown as a space. */
function toHeader(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return Buffer.from(value.replace(/[\x00-\x1f\x7f]/g, " "), "utf8").toString("latin1");
}
