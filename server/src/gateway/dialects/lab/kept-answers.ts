/** Answers to GET: out of the gateway's cache when they can be, and also when the service behind is away. */
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import type { RestCache } from "#gateway/cache/rest-caching.ts";
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";

export interface KeptAnswer {
  /** Whose it is: nobody else gets it. */
  readonly userId: string;
  /** What was asked, written always the same. */
  readonly question: string;
  readonly tags: AnswerTags;
  /** Asks the service. */
  load(): Promise<unknown>;
}

export type AnswerKept = (kept: KeptAnswer) => Promise<DialectAnswer>;

export function createAnswerKept(cache: RestCache | undefined): AnswerKept {
  if (!cache) return async ({ load }) => ({ body: await load() });
  return async ({ userId, question, tags, load }) => {
    const { body, status } = await cache.answers.answer({
      key: `${userId} lab ${question}`,
      tags: () => tags,
      load: async () => JSON.stringify(await load()),
    });
    const headers = { "content-type": "application/json; charset=utf-8", "cache-status": status };
    return { text: body.toString("utf8"), headers };
  };
}
