/** Answers to GET: out of the gateway's cache when they can be, and also when the service behind is away. */
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import type { DialectAnswer, DialectParts } from "#gateway/dialects/dialect.ts";

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

export type KeptAnswersParts = Pick<DialectParts, "cache" | "turns" | "config">;

export function createAnswerKept({ cache, turns, config }: KeptAnswersParts): AnswerKept {
  const turn = { timeoutMs: config.PARLEY_CALL_TIMEOUT_MS, signal: undefined };
  // What is kept is answered at once, also when all that the caller has under way waits for a service that hangs.
  const ask = ({ userId, load }: KeptAnswer) => turns.run(userId, turn, load);
  if (!cache) return async (kept) => ({ body: await ask(kept) });
  return async (kept) => {
    const { body, status } = await cache.answers.answer({
      key: `${kept.userId} lab ${kept.question}`,
      tags: () => kept.tags,
      load: async () => JSON.stringify(await ask(kept)),
    });
    const headers = { "content-type": "application/json; charset=utf-8", "cache-status": status };
    return { text: body.toString("utf8"), headers };
  };
}
