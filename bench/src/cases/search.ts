/** Messages found among a million: latency by what is asked for, what the index takes, and what it costs the sends. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { cheapPasswords } from "../accounts.ts";
import { atMost, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { connectToDatabaseOf } from "../process/database-access.ts";
import { type ServerProcess, startServer } from "../process/server-process.ts";
import { makeTemporaryDirectory } from "../process/temporary-directory.ts";
import { tell } from "../progress.ts";
import { explain, prepareExplain } from "../search/explain.ts";
import { chatsOfAll, fill, searcherChats } from "../search/fill.ts";
import { naiveSearch } from "../search/naive-search.ts";
import type { People, Searcher } from "../search/people.ts";
import { createQuestions, type QuestionKind, questionKinds } from "../search/questions.ts";
import { type Repeated, repeated } from "../statistics.ts";
import { openHttpBench } from "./http-bench.ts";
import { inFlight, measureSends, sendRounds } from "./search-sends.ts";

const questionsOfAKind = 200;
const requestsPerSecond = 20;
const minRequestsOfAKind = 200;
const connections = 8;
const maxP99Ms = 100;

export const searchCase: BenchCase = {
  name: "search",
  about: "messages found among a million (--messages N), and what the index costs the sends",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  await using directory = await makeTemporaryDirectory();
  const dataDir = join(directory.path, "filled");
  const { people, size } = await fill(dataDir, options);
  const copy = join(directory.path, "copy");
  await cp(dataDir, copy, { recursive: true });
  await prepareExplain(dataDir);
  const found = await measureSearches(dataDir, people, options);
  const sends = await measureSends({ on: dataDir, off: copy }, options);
  return {
    measures: [...found.measures, ...size.measures, ...sends.measures],
    notes: [
      `${options.messages.toLocaleString("en")} messages in three scripts, on average ${size.meanTextBytes} bytes long, written over WebSockets into ${chatsOfAll(options).toLocaleString("en")} chats at ${Math.round(size.writtenPerSecond).toLocaleString("en")}/s; whoever searches is a member of ${searcherChats.few} chats, or of ${searcherChats.many.toLocaleString("en")}.`,
      `Each kind: ${questionsOfAKind} different questions in an open loop at ${requestsPerSecond}/s, after one round that fills the caches; ${found.answered}.`,
      "The floor is what one would write first: one SELECT with @@ and the user's chats, ORDER BY created_at DESC LIMIT 20, straight to PostgreSQL on the same index, for the exact words without any other form.",
      `Sends: ${sendRounds} rounds with ${inFlight} in flight on two copies of the data, with the index and without it by turns.`,
    ],
    appendix: found.plans,
  };
}

async function measureSearches(dataDir: string, people: People, options: CaseOptions) {
  await using server = await startServer({ dataDir, settings: cheapPasswords });
  const client = await connectToDatabaseOf(dataDir);
  const measures: Measure[] = [];
  const plans: string[] = [];
  let withoutHits = 0;
  try {
    for (const searcher of people.searchers) {
      for (const kind of questionKinds) {
        const questions = createQuestions(kind, {
          messages: searcher.sample,
          count: questionsOfAKind,
          seed: 1,
        });
        withoutHits += await countWithoutHits(server, searcher, questions);
        const requests = questions.map((question) => requestOf(searcher, question));
        const latency = await measureKind(server, requests, options);
        const floor = await naiveSearch(client, searcher, questions, kind);
        measures.push(...latencyMeasures(kind, searcher, latency, floor));
        const asked = await explain(dataDir, () => ask(server, searcher, questions[0]!));
        plans.push(`${kind.name}, ${searcher.name}\n${asked.at(-1) ?? "(no plan was logged)"}`);
      }
    }
  } finally {
    await client.end();
  }
  const answered = withoutHits === 0 ? "every one has an answer" : `NOT FOUND: ${withoutHits} had no hit`;
  return { measures, plans, answered };
}

const requestOf = ({ account }: Searcher, question: string) => ({
  path: `/v2/search?q=${encodeURIComponent(question)}&limit=20`,
  headers: { authorization: `Bearer ${account.accessToken}`, accept: "application/json" },
});

async function ask(server: ServerProcess, searcher: Searcher, question: string): Promise<number> {
  const { path, headers } = requestOf(searcher, question);
  const response = await fetch(server.url + path, { headers });
  if (!response.ok)
    throw new Error(`${question} was answered with ${response.status}: ${await response.text()}`);
  const { hits = [] } = (await response.json()) as { hits?: unknown[] };
  return hits.length;
}

async function countWithoutHits(server: ServerProcess, searcher: Searcher, questions: readonly string[]) {
  let count = 0;
  for (const question of questions) if ((await ask(server, searcher, question)) === 0) count += 1;
  return count;
}

async function measureKind(
  server: ServerProcess,
  requests: ReturnType<typeof requestOf>[],
  { windowMs }: CaseOptions,
) {
  const enoughMs = (minRequestsOfAKind * 1_000) / requestsPerSecond;
  await using bench = openHttpBench({
    name: "search",
    server,
    requests,
    connections,
    windowMs: Math.max(windowMs, enoughMs),
  });
  return (await bench.openLoop(requestsPerSecond)).latency;
}

function latencyMeasures(
  kind: QuestionKind,
  searcher: Searcher,
  latency: Awaited<ReturnType<typeof measureKind>>,
  floor: Repeated | undefined,
): Measure[] {
  const name = `${kind.name}, ${searcher.name}`;
  tell(`search: ${name}: p50 ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms`);
  return [
    {
      name: `${name}, p50`,
      unit: "ms",
      value: repeated([latency.p50Ms]),
      ...(floor ? { floor: { name: "one plain SELECT, median", value: floor } } : {}),
    },
    {
      name: "  p99",
      unit: "ms",
      value: repeated([latency.p99Ms]),
      target: atMost(maxP99Ms, latency.p99Ms, "ms"),
    },
  ];
}
