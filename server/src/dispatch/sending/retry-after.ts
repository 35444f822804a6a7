/** When a provider that refused a request wants the next one, by its headers. */

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What a wrong header can do is bounded: after a day it is tried again, whatever was said. */
const longestMs = 86_400_000;
const maxHeaderLength = 1_000;

/**
 * The larger of Retry-After (RFC 9110) and what the RateLimit fields say of quotas that are used up
 * (draft-ietf-httpapi-ratelimit-headers, all forms it has had); undefined: they say nothing.
 */
export function retryAfterMs(headers: AnswerHeaders): number | undefined {
  return largest([retryAfter(headers), rateLimit(headers), rateLimitReset(headers)]);
}

export function largest(delays: readonly (number | undefined)[]): number | undefined {
  const known = delays.filter((delay) => delay !== undefined);
  return known.length > 0 ? Math.min(Math.max(...known), longestMs) : undefined;
}

export function header(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(", ") : value;
  return text !== undefined && text.length <= maxHeaderLength ? text.trim() : undefined;
}

/** Also with a fraction, which some send. */
export function seconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1_000) : undefined;
}

function retryAfter(headers: AnswerHeaders): number | undefined {
  const value = header(headers, "retry-after");
  const delayMs = seconds(value);
  if (delayMs !== undefined) return delayMs;
  const untilMs = httpDate(value);
  // By the answer's own date: whose clock is right does not matter.
  const nowMs = httpDate(header(headers, "date"));
  return untilMs === undefined || nowMs === undefined ? undefined : Math.max(0, untilMs - nowMs);
}

function httpDate(value: string | undefined): number | undefined {
  if (!value || !/^[A-Z][a-z]{2,8}, .* GMT$/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `RateLimit: "day";r=0;t=3600, "second";r=5;t=1`, and before that `RateLimit: limit=10, remaining=0, reset=30`. */
function rateLimit(headers: AnswerHeaders): number | undefined {
  const value = header(headers, "ratelimit")?.replace(/"[^"]*"/g, "");
  if (!value) return undefined;
  const quotas = /(^|[,\s])limit=/.test(value) ? [value] : value.split(",");
  return largest(
    quotas.map((quota) => {
      const left = /(?:^|[;,\s])(?:r|remaining)=(\d+)/.exec(quota)?.[1];
      const reset = /(?:^|[;,\s])(?:t|reset)=(\d+)/.exec(quota)?.[1];
      return Number(left) === 0 ? seconds(reset) : undefined;
    }),
  );
}

function rateLimitReset(headers: AnswerHeaders): number | undefined {
  const left = header(headers, "ratelimit-remaining") ?? "0";
  return Number(left) === 0 ? seconds(header(headers, "ratelimit-reset")) : undefined;
}
