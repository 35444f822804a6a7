/** Strong entity tags: the SHA-256 of the bytes, in hex and double quotes. */

export function etagOf(sha256: Uint8Array): string {
  return `"${Buffer.from(sha256.buffer, sha256.byteOffset, sha256.byteLength).toString("hex")}"`;
}

/** The SHA-256 in hex; undefined when it is no tag of ours, also when it is a weak one: it matches nothing. */
export function hashOfEtag(etag: string): string | undefined {
  return /^"([0-9a-f]{64})"$/.exec(etag)?.[1];
}
