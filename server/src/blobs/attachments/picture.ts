/** What is found out about a picture, and which files are one. */

export interface Picture {
  /** As it is shown, in pixels; 0: nothing that can be read. */
  width: number;
  height: number;
  /** Undefined: the picture is small enough itself. */
  thumbnail?: Uint8Array;
}

export const nothingToSee: Picture = { width: 0, height: 0 };
export const thumbnailType = "image/webp";

export type PictureFormat = "jpeg" | "png" | "gif" | "webp" | "heif";

/** As far as that many first bytes are needed. */
const signatureBytes = 16;

/** By its first bytes alone, whatever it is called. SVG, PDF and the like are programs, not pictures. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, signatureBytes)).toString(
    "latin1",
  );
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "gif";
  if (text.startsWith("RIFF") && text.startsWith("WEBP", 8)) return "webp";
  // AVIF; what else is in this container, such as HEIC, browsers do not show.
  if (text.startsWith("ftypavif", 4) || text.startsWith("ftypavis", 4)) return "heif";
  return undefined;
}
