/**
 * A value's extension is kept with the blob, where /v2/blobs shows it as Parley-Meta-Extension; its content type is what
 * the extension stands for. A blob that came by /v2/blobs has a content type only.
 */
import { invalidInput } from "#platform/errors.ts";

const contentTypes: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  svg: "image/svg+xml",
  bmp: "image/bmp",
  txt: "text/plain",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  xml: "application/xml",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  tar: "application/x-tar",
  mp3: "audio/mpeg",
  ogg: "audio/ogg",
  wav: "audio/wav",
  mp4: "video/mp4",
  webm: "video/webm",
};

const extensions = new Map(
  // Of two extensions of one type the first one stands for it.
  Object.entries(contentTypes)
    .reverse()
    .map(([extension, type]) => [type, extension]),
);

const pattern = /^[0-9A-Za-z]{0,16}$/;

/** Throws "invalid-input". */
export function checkExtension(extension: string): string {
  if (!pattern.test(extension)) throw invalidInput("extension", "must be up to 16 letters and digits");
  return extension;
}

export function contentTypeOf(extension: string): string {
  const known = extension.toLowerCase();
  return Object.hasOwn(contentTypes, known) ? contentTypes[known]! : "application/octet-stream";
}

export interface KeptBlob {
  contentType: string;
  metadata: Readonly<Record<string, string>>;
}

/** Empty: not known. */
export function extensionOf({ contentType, metadata }: KeptBlob): string {
  const { extension } = metadata;
  if (extension !== undefined && pattern.test(extension)) return extension;
  return extensions.get(contentType.split(";", 1)[0]!.trim().toLowerCase()) ?? "";
}
