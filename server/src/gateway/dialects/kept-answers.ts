/** Answers to GET: out of the gateway's cache when they can be, and also when the service behind is away. */
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import type { RestCache } from "#gateway/cache/rest-caching.ts";
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";
import type { DialectName } from "#gateway/dialects/versions.ts";

export interface KeptAnswer {
  /** Whose it is: nobody else gets it. */
  readonly userId: string;
  /** What was asked, written always the same. */
  readonly question: string;
  readonly tags: AnswerTags;
  /** Asks the service. Others may wait for the same answer: not ended when the client that asks goes. */
  load(): Promise<unknown>;
}

/** Without a cache the service is asked each time. */
export async function answerKept(
  dialect: DialectName,
  cache: RestCache | undefined,
  { userId, question, tags, load }: KeptAnswer,
): Promise<DialectAnswer> {
  if (!cache) return { body: await load() };
  const { body, status } = await cache.answers.answer({
    key: `${userId} ${dialect} ${question}`,
    tags: () => tags,
    load: async () => JSON.stringify(await load()),
  });
  const headers = { "content-type": "application/json; charset=utf-8", "cache-status": status };
  return { text: body.toString("utf8"), headers };
}
