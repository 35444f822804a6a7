/**
 * Types that browsers show without ever running any of it; SVG, HTML, XML and PDF are not among them. The same for the gateway, which
 * sends bytes that anybody may have uploaded, and for blobs, which signs links to them.
 */
const harmlessTypes: ReadonlySet<string> = new Set([
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
]);

/** Whatever parameters the type has. */
export function isHarmless(contentType: string): boolean {
  return harmlessTypes.has(contentType.split(";", 1)[0]!.trim().toLowerCase());
}
