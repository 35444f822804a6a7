/**
 * What goes with bytes that anybody may have uploaded, so that no browser runs them in Parley's origin: what is not known to be
 * harmless is a download, nothing is guessed from the bytes, and if it is shown after all, then in a sandbox without scripts.
 */
import { contentDisposition } from "#platform/content-disposition.ts";
import { isHarmless } from "#platform/harmless-types.ts";

const fallbackType = "application/octet-stream";
const mediaType = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+[ \t]*(?:;[\x20-\x7e\t]*)?$/i;

export interface Served {
  contentType: string;
  /** What to save it as; may be empty. */
  name: string;
  isDownload: boolean;
}

export function servingHeaders({ contentType, name, isDownload }: Served): Record<string, string> {
  const type = mediaType.test(contentType) ? contentType : fallbackType;
  const kind = !isDownload && isHarmless(type) ? "inline" : "attachment";
  return {
    "content-type": type,
    "content-disposition": contentDisposition(kind, name),
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
  };
}
