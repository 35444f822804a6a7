import { isHarmless } from "#platform/harmless-types.ts";

/**
 * How a browser is to take bytes that come straight from the object store, of which no header of ours says that they must
 * not run: always as a download, and under their own content type only if that cannot run.
 */
export function servedAs(contentType: string): { contentType: string; contentDisposition: string } {
  return {
    contentType: isHarmless(contentType) ? contentType : "application/octet-stream",
    contentDisposition: "attachment",
  };
}
