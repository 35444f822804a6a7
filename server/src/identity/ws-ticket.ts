import { createHash } from "node:crypto";

/** What the database keeps of a ticket. A fast hash is enough: a ticket is 256 random bits. */
export function ticketHash(ticket: string): Buffer {
  return createHash("sha256").update(ticket).digest();
}
