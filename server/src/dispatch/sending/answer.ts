/** What an answer of a provider means. */
import type { Adapter, Decoded } from "#dispatch/sending/adapters/adapter.ts";
import { type AnswerHeaders, largest, retryAfterMs } from "#dispatch/sending/retry-after.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";

export const maxAnswerBytes = 1_048_576;

/** Undefined: the body has to be read. */
export function readHead(adapter: Adapter, status: number, headers: AnswerHeaders): SendOutcome | undefined {
  if (status === 429) {
    const delayMs = largest([retryAfterMs(headers), adapter.retryAfterMs(headers)]);
    return { kind: "refused", retryAfterMs: delayMs };
  }
  if (status === 400 || status === 413 || status === 422)
    return { kind: "rejected", reason: `http-${status}` };
  if (status < 200 || status > 299) return { kind: "failed", reason: `http-${status}` };
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    return { kind: "failed", reason: "content-encoding" };
  if (Number(headers["content-length"]) > maxAnswerBytes) return { kind: "failed", reason: "too-large" };
  return undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

export function readBody(adapter: Adapter, chunks: readonly Buffer[]): Decoded {
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (body.length === 0) return { kind: "failed", reason: "empty" };
  let answer: unknown;
  try {
    answer = JSON.parse(utf8.decode(body));
  } catch {
    return { kind: "failed", reason: "not-json" };
  }
  return adapter.decode(answer);
}
