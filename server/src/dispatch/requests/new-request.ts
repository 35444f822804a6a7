/** What is asked for, as it is written down first. */
import { hash as digest, randomUUIDv7 } from "node:crypto";
import type { Processor } from "#dispatch/providers/catalogue.ts";
import type { NewRow, RequestRow } from "#dispatch/requests/request-row.ts";

export interface NewRequest {
  readonly userId: string;
  /** Undefined: none, for one in the background. */
  readonly key: string | undefined;
  readonly processor: Processor;
  readonly text: string;
  readonly mayUsePaid: boolean;
}

/** Of what a repetition must have in common with the first. */
export const hashOf = ({ processor, text }: NewRequest) =>
  digest("sha256", `${processor.id}\0${text}`, { outputEncoding: "buffer" });

export function newRow(
  { userId, key, processor, text, mayUsePaid }: NewRequest,
  contentHash: Buffer,
  rest: Pick<NewRow, "inBackground" | "owner">,
): NewRow {
  return {
    id: randomUUIDv7(),
    userId,
    key: key ?? null,
    processor: processor.id,
    contentHash,
    text,
    mayUsePaid,
    ...rest,
  };
}

/** As it is read. */
export function addedRow(row: NewRow, createdAt: Date): RequestRow {
  return {
    ...row,
    status: "waiting",
    provider: null,
    result: null,
    costMicros: 0,
    reason: null,
    freeOpensAt: null,
    errorCode: null,
    errorDetail: null,
    createdAt,
    endedAt: null,
  };
}
