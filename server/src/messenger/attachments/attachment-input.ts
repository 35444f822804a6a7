/** What people may send along. */
import type { AttachmentInput } from "@parley/api/v2/messenger";
import { textProblem } from "#messenger/input.ts";
import { maxKeyBytes } from "#platform/blob-limits.ts";

export type GivenAttachment = Pick<AttachmentInput, "key" | "name">;

const maxAttachments = 10;
const maxNameChars = 255;
/**
 * Control characters, what separates the parts of a path, and what turns the direction of writing round, so that
 * "exe.jpg" is shown of what ends in ".exe".
 */
const unfitForName = /[\p{Cc}/\\\u202A-\u202E\u2066-\u2069]/u;

interface Problem {
  field: string;
  message: string;
}

/** What is wrong with them; undefined when nothing is. */
export function attachmentsProblem(attachments: readonly GivenAttachment[]): Problem | undefined {
  if (attachments.length > maxAttachments) {
    return { field: "attachments", message: `must hold at most ${maxAttachments} items` };
  }
  for (const [index, { key, name }] of attachments.entries()) {
    const inKey = keyProblem(key);
    if (inKey) return { field: keyField(index), message: inKey };
    const inName = nameProblem(name);
    if (inName) return { field: `attachments[${index}].name`, message: inName };
  }
  return undefined;
}

export const keyField = (index: number): string => `attachments[${index}].key`;

/** Which keys there may be at all, blobs knows. */
function keyProblem(key: string): string | undefined {
  if (key === "") return "must not be empty";
  if (!key.isWellFormed()) return "must be valid Unicode";
  if (Buffer.byteLength(key) > maxKeyBytes) return `must be at most ${maxKeyBytes} bytes of UTF-8`;
  return undefined;
}

function nameProblem(name: string): string | undefined {
  if (name.length > maxNameChars && [...name].length > maxNameChars) {
    return `must be at most ${maxNameChars} characters`;
  }
  if (name === "." || name === "..") return "must be the name of a file";
  if (unfitForName.test(name)) return "must not contain control characters, / or \\";
  return textProblem(name);
}
