/** What kind of provider it is: how a text is put to it and where the result stands in its answer. */
import type { AnswerHeaders } from "#dispatch/sending/retry-after.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";

export type AdapterOptions = Readonly<Record<string, unknown>>;

/** What a complete answer with a status of success means. */
export type Decoded = Extract<SendOutcome, { kind: "done" | "rejected" | "failed" }>;

export interface Adapter {
  /** Follows the provider's URL, unless that ends with it. */
  readonly path: string;
  /** The body, to be written as JSON. */
  encode(text: string, options: AdapterOptions): Record<string, unknown>;
  /** Takes any JSON; never throws. */
  decode(answer: unknown): Decoded;
  /** What its own headers say of a refusal, beside the standard ones. */
  retryAfterMs(headers: AnswerHeaders): number | undefined;
}

/** The property of an answer of which nothing is known; undefined when it has none. */
export function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A result has to be a text that can be stored and sent: no halves of surrogate pairs, no U+0000. */
export function decodeText(result: unknown): Decoded {
  if (typeof result !== "string") return { kind: "failed", reason: "no-result" };
  if (!result.isWellFormed() || result.includes("\0")) return { kind: "failed", reason: "invalid-text" };
  return { kind: "done", result };
}
