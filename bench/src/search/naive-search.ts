/** The floor: the statement that one would write first, on the same data and the same index. */
import type pg from "pg";
import { type Repeated, repeated } from "../statistics.ts";
import type { Searcher } from "./people.ts";
import type { QuestionKind } from "./questions.ts";

const asked = 30;

const select = `SELECT chat_id, seq, text FROM messenger.messages
  WHERE words @@ $1::tsquery AND chat_id = ANY($2::uuid[]) ORDER BY created_at DESC LIMIT 20`;

/** Milliseconds; undefined for what such a statement does not find. */
export async function naiveSearch(
  client: pg.Client,
  searcher: Searcher,
  questions: readonly string[],
  kind: QuestionKind,
): Promise<Repeated | undefined> {
  const toQuery = queries[kind.name];
  if (!toQuery) return undefined;
  const chatIds = [...searcher.chatIds];
  const durations: number[] = [];
  for (const question of questions.slice(0, asked)) {
    const startedAt = performance.now();
    await client.query(select, [toQuery(question), chatIds]);
    durations.push(performance.now() - startedAt);
  }
  return repeated(durations);
}

/** Generated words need no quoting. */
const queries: Record<string, ((question: string) => string) | undefined> = {
  "rare word": (question) => question.trim(),
  "common word": (question) => question.trim(),
  "phrase of three": (question) => question.replaceAll('"', "").split(" ").join(" <-> "),
};
