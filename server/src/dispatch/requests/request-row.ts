/** A row of dispatch.requests, as it is read. */
import type { ErrorCode } from "#platform/errors.ts";

export interface RequestRow {
  readonly id: string;
  readonly userId: string;
  readonly key: string | null;
  readonly processor: string;
  readonly contentHash: Uint8Array;
  /** Null once it has ended. */
  readonly text: string | null;
  readonly mayUsePaid: boolean;
  readonly inBackground: boolean;
  readonly status: "waiting" | "sending" | "done" | "failed";
  /** The process that is at it. */
  readonly owner: string | null;
  readonly provider: string | null;
  readonly result: string | null;
  readonly costMicros: number;
  readonly reason: string | null;
  readonly freeOpensAt: Date | null;
  readonly errorCode: ErrorCode | null;
  readonly errorDetail: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export const requestColumns = `r.id, r.user_id AS "userId", r.key, r.processor, r.content_hash AS "contentHash", r.text,
  r.may_use_paid AS "mayUsePaid", r.in_background AS "inBackground", r.status, r.owner, r.provider, r.result,
  r.cost_micros AS "costMicros", r.reason, r.free_opens_at AS "freeOpensAt", r.error_code AS "errorCode",
  r.error_detail AS "errorDetail", r.created_at AS "createdAt", r.ended_at AS "endedAt"`;

/** What is to be added. */
export interface NewRow {
  readonly id: string;
  readonly userId: string;
  readonly key: string | null;
  readonly processor: string;
  readonly contentHash: Uint8Array;
  readonly text: string;
  readonly mayUsePaid: boolean;
  readonly inBackground: boolean;
  /** Null: whoever has a place free. */
  readonly owner: string | null;
}

export interface SendingRow {
  readonly id: string;
  readonly provider: string;
  readonly attempt: number;
}

export interface EndedRow {
  readonly id: string;
  readonly status: "done" | "failed";
  readonly provider: string | null;
  readonly result: string | null;
  readonly costMicros: number;
  readonly reason: string | null;
  readonly freeOpensAtMs: number | null;
  readonly errorCode: ErrorCode | null;
  readonly errorDetail: string | null;
}

/** One that ends without an outcome that is kept. */
export interface ReleasedRow {
  readonly id: string;
  /** When somebody should try again, if it is to go on in the background. */
  readonly dueInMs: number;
  /** It may have been sent to the provider that the row names: then it goes on in any case. */
  readonly maySent: boolean;
}
