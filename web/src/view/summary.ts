import type { Message } from "@parley/client";

/** A message in one line: its text, or what its files are called. */
export function summaryOf({ text, attachments }: Message): string {
  return text || namesOf(attachments);
}

export function namesOf(attachments: readonly { name: string }[]): string {
  return attachments.map(({ name }) => `📎 ${name || "File"}`).join(" ");
}
