/** What blobs make sure of themselves, whoever calls. */
import type { HandlerContext } from "@connectrpc/connect";
import { type Actor, requireActor } from "#platform/actor.ts";
import { metadataName } from "#platform/blob-limits.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

export function callerOf(context: HandlerContext): Actor {
  const actor = requireActor(context);
  if (!isUuid(actor.userId)) throw fault("unauthenticated");
  return { ...actor, userId: actor.userId.toLowerCase() };
}

const maxContentTypeLength = 255;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quotedString = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t \\x21-\\x7e])*"';
/** RFC 9110, section 8.3.1. */
const mediaType = new RegExp(`^${token}/${token}(?:[ \\t]*;[ \\t]*${token}=(?:${token}|${quotedString}))*$`);

/** Rejects with "invalid-input". */
export function validContentType(contentType: string): string {
  if (contentType === "") return "application/octet-stream";
  if (contentType.length > maxContentTypeLength || !mediaType.test(contentType))
    throw invalidInput("contentType", "must be a media type, such as image/png");
  return contentType;
}

const maxValueLength = 1_024;
const maxMetadataBytes = 8_192;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are refused
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

/** Undefined: there is none. Rejects with "invalid-input". */
export function validMetadata(metadata: Record<string, string>): Record<string, string> | undefined {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return undefined;
  let bytes = 0;
  for (const [name, value] of entries) {
    if (!metadataName.test(name))
      throw invalidInput("metadata", "names must be of 1 to 64 lower case letters, digits and hyphens");
    if (value.length > maxValueLength || !value.isWellFormed() || controlCharacter.test(value))
      throw invalidInput("metadata", "values must be of up to 1,024 printable characters");
    bytes += name.length + Buffer.byteLength(value);
  }
  if (bytes > maxMetadataBytes) throw invalidInput("metadata", "must have at most 8 KiB");
  return metadata;
}

/** Undefined: it was not said. Rejects with "invalid-input". */
export function wholeSize(size: number | undefined, field = "size"): number | undefined {
  if (size === undefined || (Number.isSafeInteger(size) && size >= 0)) return size;
  throw invalidInput(field, "must be a whole number of bytes");
}
