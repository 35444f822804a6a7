/**
 * Chat completions as OpenAI and many others serve them: options model, prompt (the system's message) and parameters
 * (whatever else is to stand in the body).
 */
import { type Adapter, type Decoded, decodeText, property } from "#dispatch/sending/adapters/adapter.ts";
import { type AnswerHeaders, header, largest, seconds } from "#dispatch/sending/retry-after.ts";

export const openaiChat: Adapter = {
  path: "/chat/completions",
  encode(text, { model, prompt, parameters }) {
    const system = typeof prompt === "string" ? [{ role: "system", content: prompt }] : [];
    return {
      ...(typeof parameters === "object" ? parameters : {}),
      model,
      messages: [...system, { role: "user", content: text }],
      stream: false,
    };
  },
  decode(answer) {
    const choices = property(answer, "choices");
    return decodeChoice(Array.isArray(choices) ? choices[0] : undefined);
  },
  retryAfterMs: (headers) =>
    milliseconds(header(headers, "retry-after-ms")) ??
    (headers["retry-after"] === undefined
      ? largest([whenUsedUp(headers, "requests"), whenUsedUp(headers, "tokens")])
      : undefined),
};

function decodeChoice(choice: unknown): Decoded {
  const message = property(choice, "message");
  const ending = property(choice, "finish_reason");
  if (ending === "content_filter") return { kind: "rejected", reason: "content-filter" };
  if (typeof property(message, "refusal") === "string") return { kind: "rejected", reason: "refusal" };
  if (ending === "length") return { kind: "failed", reason: "truncated" };
  const content = property(message, "content");
  return content === "" ? { kind: "failed", reason: "no-result" } : decodeText(content);
}

/** The reset headers tell when all of a quota is back, not when the next request is welcome: only used when nothing else says. */
function whenUsedUp(headers: AnswerHeaders, what: "requests" | "tokens"): number | undefined {
  const left = header(headers, `x-ratelimit-remaining-${what}`);
  return left && Number(left) === 0 ? duration(header(headers, `x-ratelimit-reset-${what}`)) : undefined;
}

function milliseconds(value: string | undefined): number | undefined {
  const inSeconds = seconds(value);
  return inSeconds === undefined ? undefined : Math.ceil(inSeconds / 1_000);
}

const durationParts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/** "6m0s", "12ms", "1.5s"; a mere number is of seconds. */
function duration(value: string | undefined): number | undefined {
  const parts = value ? durationParts.exec(value) : undefined;
  if (!parts) return seconds(value);
  const [h, m, s, ms] = parts.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number];
  return Math.ceil(((h * 60 + m) * 60 + s) * 1_000 + ms);
}
