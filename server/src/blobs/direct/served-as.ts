/**
 * How a browser is to take bytes that come straight from the object store, of which no header of ours says that they must
 * not run: always as a download, and under their own content type only if that cannot run.
 */
const harmless: readonly string[] = [
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
  "audio/mpeg",
  "audio/mp4",
  "audio/ogg",
  "audio/wav",
  "audio/webm",
  "video/mp4",
  "video/ogg",
  "video/webm",
  "text/plain",
];

export function servedAs(contentType: string): { contentType: string; contentDisposition: string } {
  const essence = contentType.split(";", 1)[0]!.trim().toLowerCase();
  const isHarmless = harmless.includes(essence);
  return {
    contentType: isHarmless ? contentType : "application/octet-stream",
    contentDisposition: "attachment",
  };
}
