/** Content-Digest and Repr-Digest (RFC 9530): dictionaries of digests by algorithm, of which sha-256 is known here. */
import type { IncomingHttpHeaders } from "node:http";
import { fault, invalidInput } from "#platform/errors.ts";

const member = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:[ \t]*;[^,]*)?$/;
const sha256Bytes = 32;

/**
 * The SHA-256 that the bytes must have; undefined: none was given. Other algorithms are ignored, as the RFC wants it. Throws
 * "invalid-input", and "digest-mismatch" when the two headers contradict each other: a body is the whole representation here.
 */
export function readDigest(headers: IncomingHttpHeaders): Buffer | undefined {
  const content = readSha256("Content-Digest", headers["content-digest"]);
  const representation = readSha256("Repr-Digest", headers["repr-digest"]);
  if (content && representation && !content.equals(representation)) throw fault("digest-mismatch");
  return content ?? representation;
}

function readSha256(name: string, header: string | string[] | undefined): Buffer | undefined {
  if (header === undefined) return undefined;
  let found: Buffer | undefined;
  for (const part of String(header).split(",")) {
    const [, algorithm, value] = member.exec(part.trim()) ?? [];
    if (algorithm === undefined) throw invalidInput(name, "must be written as in sha-256=:<base64>:");
    if (algorithm !== "sha-256") continue;
    found = Buffer.from(value!, "base64");
    if (found.length !== sha256Bytes) throw invalidInput(name, "sha-256 must be 32 bytes in base64");
  }
  return found;
}

/** The header's value for what an entity tag of ours says. */
export function digestHeader(etag: string): string {
  return `sha-256=:${Buffer.from(etag.replaceAll('"', ""), "hex").toString("base64")}:`;
}
