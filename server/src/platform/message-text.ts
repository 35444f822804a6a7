/** The same for the messenger, which keeps to it, and for those who refuse what is wrong with a text before they ask it. */
import { integer } from "#platform/settings.ts";
import { textProblem } from "#platform/text-problem.ts";

export const messageTextSettings = {
  PARLEY_MAX_TEXT_BYTES: integer(
    "how long a message may be, in bytes of UTF-8; gateway and messenger alike",
    16_384,
    {
      min: 1,
      max: 1_048_576,
    },
  ),
};

/** What is wrong with the text of a message; undefined when nothing is. */
export function messageTextProblem(text: string, maxBytes: number): string | undefined {
  if (text.trim() === "") return "must not be empty";
  // No character takes more than three bytes per UTF-16 unit: most texts need not be counted.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    return `must be at most ${maxBytes} bytes of UTF-8`;
  }
  return textProblem(text);
}
