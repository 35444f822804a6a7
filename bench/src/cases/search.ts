/** Messages found among a million: latency by what is asked for, what the index takes, and what it costs the sends. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { cheapPasswords } from "../accounts.ts";
import {
  atLeastOfFloor,
  atMost,
  type BenchCase,
  type CaseOptions,
  type CaseResult,
  type Measure,
} from "../case.ts";
import { connectToDatabaseOf } from "../process/database-access.ts";
import { type ServerProcess, startServer } from "../process/server-process.ts";
import { makeTemporaryDirectory } from "../process/temporary-directory.ts";
import { tell } from "../progress.ts";
import { explain, prepareExplain } from "../search/explain.ts";
import { naiveSearch } from "../search/naive-search.ts";
import { createPeople, type People, remember, type Searcher } from "../search/people.ts";
import { createQuestions, type QuestionKind, questionKinds } from "../search/questions.ts";
import { writeMessages } from "../search/write-messages.ts";
import { type Repeated, repeat, repeated } from "../statistics.ts";
import { openChatBench } from "./chat-bench.ts";
import { deliveredPerSecond } from "./delivered.ts";
import { openHttpBench } from "./http-bench.ts";
import { chatsOf, createPairs } from "./people.ts";

const chatsPerMessages = 100;
const searcherChats = { few: 20, many: 2_000 };
const questionsOfAKind = 200;
const requestsPerSecond = 20;
const minRequestsOfAKind = 200;
const connections = 8;
const maxP99Ms = 100;
const minShareOfSends = 0.8;
const sendRounds = 5;
const pairCount = 100;
const inFlight = 400;

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
      `Each kind: ${questionsOfAKind} different questions in an open loop at ${requestsPerSecond}/s, after one round that fills the caches; every one has an answer. ${found.notes}`,
      "The floor is what one would write first: one SELECT with @@ and the user's chats, ORDER BY created_at DESC LIMIT 20, straight to PostgreSQL on the same index, for the exact words without any other form.",
      `Sends: ${sendRounds} rounds with ${inFlight} in flight on two copies of the data, with the index and without it by turns.`,
    ],
    appendix: found.plans,
  };
}

const chatsOfAll = ({ messages }: CaseOptions) =>
  Math.max(searcherChats.many, Math.round(messages / chatsPerMessages));

interface Filled {
  people: People;
  size: { measures: Measure[]; meanTextBytes: number; writtenPerSecond: number };
}

async function fill(dataDir: string, options: CaseOptions): Promise<Filled> {
  await using server = await startServer({ dataDir, settings: cheapPasswords });
  tell(`search: creating ${chatsOfAll(options)} chats`);
  const people = await createPeople(server.url, {
    chats: chatsOfAll(options),
    searcherChats: Object.values(searcherChats),
  });
  tell(`search: writing ${options.messages} messages`);
  const startedAt = performance.now();
  await writeMessages({
    socketUrl: server.socketUrl,
    writers: people.writers,
    count: options.messages,
    onWritten: (message, chatId) => remember(people.searchers, message, chatId),
    onProgress: (written) => tell(`search: ${written} written`),
  });
  const writtenPerSecond = (options.messages * 1_000) / (performance.now() - startedAt);
  const client = await connectToDatabaseOf(dataDir);
  try {
    // As autovacuum would a little later.
    await client.query("VACUUM (ANALYZE) messenger.messages");
    await client.query("VACUUM (ANALYZE) messenger.words");
    return { people, size: { ...(await measureSize(client)), writtenPerSecond } };
  } finally {
    await client.end();
  }
}

async function measureSize(client: Awaited<ReturnType<typeof connectToDatabaseOf>>) {
  const { rows } = await client.query(`SELECT count(*)::int AS count, avg(octet_length(text)) AS text,
      sum(pg_column_size(words)) AS words,
      pg_relation_size('messenger.messages_words') AS gin, pg_relation_size('messenger.messages_by_time') AS time,
      pg_total_relation_size('messenger.words') AS vocabulary FROM messenger.messages`);
  const { count, text, words, gin, time, vocabulary } = rows[0];
  const measure = (name: string, bytes: unknown): Measure => ({
    name: `  index for each message: ${name}`,
    unit: "bytes",
    value: repeated([Number(bytes) / count]),
  });
  return {
    meanTextBytes: Math.round(Number(text)),
    measures: [
      measure("its words (GIN)", gin),
      measure("its words, in its row", words),
      measure("by time", time),
      measure("share of the vocabulary", vocabulary),
    ],
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
  const notes = withoutHits === 0 ? "" : `NOT FOUND: ${withoutHits} questions had no hit.`;
  return { measures, plans, notes };
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

/** By turns, so that whatever else the machine does befalls both. */
async function measureSends(dataDirs: { on: string; off: string }, { windowMs }: CaseOptions) {
  await using on = await startServer({ dataDir: dataDirs.on, settings: cheapPasswords });
  await using off = await startServer({
    dataDir: dataDirs.off,
    settings: { ...cheapPasswords, PARLEY_SEARCH_INDEX: "off" },
  });
  await using withIndex = await openSends("with the index", on, windowMs);
  await using without = await openSends("without the index", off, windowMs);
  const rates: { with: number; without: number }[] = await repeat(sendRounds, async () => ({
    with: deliveredPerSecond([await withIndex.closedLoop(inFlight)]).median,
    without: deliveredPerSecond([await without.closedLoop(inFlight)]).median,
  }));
  const value = repeated(rates.map((rate) => rate.with));
  const floor = repeated(rates.map((rate) => rate.without));
  const target = atLeastOfFloor(minShareOfSends, value.median, floor.median);
  return {
    measures: [
      {
        name: "messages persisted and delivered, with the index",
        unit: "msg/s" as const,
        value,
        floor: { name: "the same without the index", value: floor },
        target,
      },
    ],
  };
}

async function openSends(name: string, server: ServerProcess, windowMs: number) {
  const pairs = await createPairs(server.url, pairCount);
  const bench = await openChatBench({ name: `sends ${name}`, server, chats: chatsOf(pairs), windowMs });
  tell(`search: sends ${name}, warming up`);
  await bench.closedLoop(inFlight);
  return bench;
}
