/** How what GET answers is asked for and kept. */
import type { DialectAnswer, DialectParts } from "#gateway/dialects/dialect.ts";
import { answerKept, type KeptAnswer } from "#gateway/dialects/kept-answers.ts";

export type Answer = (kept: KeptAnswer) => Promise<DialectAnswer>;

export type AnswerParts = Pick<DialectParts, "cache" | "turns" | "config">;

/** What is kept is answered at once, also when all that the caller has under way waits for a service that hangs. */
export function createAnswer({ cache, turns, config }: AnswerParts): Answer {
  const turn = { timeoutMs: config.PARLEY_CALL_TIMEOUT_MS, signal: undefined };
  return (kept) =>
    answerKept("lab", cache, { ...kept, load: () => turns.run(kept.userId, turn, () => kept.load()) });
}
