/** Messages persisted and delivered: pairs of people who write to each other. */
import { cheapPasswords } from "../accounts.ts";
import { atLeast, atMost, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { measureInserts } from "../floors/insert-floor.ts";
import { connectToDatabaseOf } from "../process/database-access.ts";
import { startFloor } from "../process/floor-process.ts";
import { inspectOption } from "../process/inspector.ts";
import { costNote, type ObservedRun } from "../process/observed-run.ts";
import { profileOf } from "../process/processor-profile.ts";
import { type ServerProcess, startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { type Repeated, repeat, repeated } from "../statistics.ts";
import { type ChatBench, openChatBench } from "./chat-bench.ts";
import { deliveredPerSecond } from "./delivered.ts";
import { chatsOf, compareWithHistory, createPairs, type HistoryCheck } from "./people.ts";
import { shortfall } from "./sustained-rate.ts";

const pairCount = 100;
const inFlight = 400;
const rounds = 3;
const target = { messagesPerSecond: 15_000, p99Ms: 50 };
const halfTargetPerSecond = target.messagesPerSecond / 2;
const insertBatches = [1_000, 100];
const insertWindowMs = 1_000;

export const messagesCase: BenchCase = {
  name: "messages",
  about: `messages persisted and delivered, ${pairCount} pairs of people: the limit, and latency below it`,
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const nodeOptions = options.profile ? [inspectOption] : [];
  await using server = await startServer({ settings: cheapPasswords, nodeOptions });
  tell(`messages: creating ${pairCount} pairs`);
  const pairs = await createPairs(server.url, pairCount);
  await using bench = await openChatBench({
    name: "messages",
    server,
    chats: chatsOf(pairs),
    windowMs: options.windowMs,
  });
  const closed = await runClosed(bench);
  const limit = await bench.findLimit(deliveredPerSecond(closed).median * 0.9);
  const halfTarget = await runOpen(bench, halfTargetPerSecond);
  const halfLimit = limit ? await runOpen(bench, Math.round(limit.ratePerSecond / 2)) : undefined;
  const profiled = options.profile ? await bench.closedLoop(inFlight, { profile: true }) : undefined;
  tell("messages: comparing with the history");
  const check = bench.historyCheck();
  const stored = await compareWithHistory(pairs, check);
  const inserts = await measureInsertFloors(server);
  return {
    measures: [
      limitMeasure(limit?.ratePerSecond ?? 0, inserts[0]!),
      closedMeasure(closed, await measureRelay(options.windowMs)),
      ...latencyMeasures(halfTarget, halfTargetPerSecond, target.p99Ms),
      ...(halfLimit && limit ? latencyMeasures(halfLimit, Math.round(limit.ratePerSecond / 2)) : []),
    ],
    notes: [
      `${pairCount} direct chats, one socket for each person, texts of 100 bytes; open loop with a Poisson schedule, latency from when a send was due to its receipt by the other person.`,
      ...shortfallNotes(halfTarget, halfTargetPerSecond),
      historyNote(stored, check),
      `The floor in batches of 100: ${Math.round(inserts[1]!.median).toLocaleString("en")} rows/s.`,
      ...costNote(closed.at(-1)!, `with ${inFlight} in flight`),
      ...costNote(halfTarget.at(-1)!, `at ${halfTargetPerSecond.toLocaleString("en")}/s`),
    ],
    ...profileOf(profiled?.profile),
  };
}

async function runClosed(bench: ChatBench): Promise<ObservedRun[]> {
  tell("messages: warming up");
  await bench.closedLoop(inFlight);
  const runs = await repeat(rounds, () => bench.closedLoop(inFlight));
  const { median } = deliveredPerSecond(runs);
  tell(`messages: ${Math.round(median)} msg/s with ${inFlight} in flight`);
  return runs;
}

function runOpen(bench: ChatBench, messagesPerSecond: number): Promise<ObservedRun[]> {
  tell(`messages: latency at ${messagesPerSecond} msg/s`);
  return repeat(rounds, () => bench.openLoop(messagesPerSecond));
}

async function measureInsertFloors(server: ServerProcess): Promise<Repeated[]> {
  tell("messages: floor, bare INSERT");
  const client = await connectToDatabaseOf(server.dataDir);
  try {
    return await repeat(insertBatches.length, async (index) => {
      const options = { client, rowsPerBatch: insertBatches[index]!, windowMs: insertWindowMs };
      return repeated(await repeat(rounds, () => measureInserts(options)));
    });
  } finally {
    await client.end();
  }
}

/** The same people and load through a process that only passes messages on. */
async function measureRelay(windowMs: number): Promise<Repeated> {
  tell("messages: floor, bare ws relay");
  await using floor = await startFloor("socket");
  const chats = Array.from({ length: pairCount }, (_, pair) => ({
    chatId: `pair-${pair}`,
    accessTokens: [`pair-${pair}`, `pair-${pair}`],
  }));
  await using bench = await openChatBench({ name: "relay", server: floor, chats, windowMs });
  await bench.closedLoop(inFlight);
  return deliveredPerSecond(await repeat(rounds, () => bench.closedLoop(inFlight)));
}

function limitMeasure(ratePerSecond: number, inserts: Repeated): Measure {
  return {
    name: "messages persisted and delivered, highest sustained rate",
    unit: "msg/s",
    value: repeated([ratePerSecond]),
    floor: { name: `bare INSERT, batches of ${insertBatches[0]!.toLocaleString("en")}`, value: inserts },
    target: atLeast(target.messagesPerSecond, ratePerSecond),
  };
}

function closedMeasure(runs: ObservedRun[], relay: Repeated): Measure {
  return {
    name: `  the same with ${inFlight} always in flight`,
    unit: "msg/s",
    value: deliveredPerSecond(runs),
    floor: { name: "bare ws, nothing stored", value: relay },
  };
}

function latencyMeasures(runs: ObservedRun[], rate: number, boundMs?: number): Measure[] {
  const measure = (percentile: "p50Ms" | "p99Ms" | "p999Ms", text: string): Measure => ({
    name: `  send → receipt at ${rate.toLocaleString("en")} msg/s, ${text}`,
    unit: "ms",
    value: repeated(runs.map(({ delivery }) => delivery[percentile])),
  });
  const p99 = measure("p99Ms", "p99");
  if (boundMs !== undefined) {
    p99.target = atMost(boundMs, p99.value.median, "ms");
    // Of a run that was broken off, the worst latencies are missing.
    p99.target.isMet &&= runs.every((run) => shortfall(run, rate) === undefined);
  }
  return [measure("p50Ms", "p50"), p99, measure("p999Ms", "p99.9")];
}

function historyNote(stored: number, { undecided }: HistoryCheck): string {
  const messages = `${stored.toLocaleString("en")} messages`;
  if (undecided === 0)
    return `Afterwards the history held exactly the ${messages} that had been acknowledged.`;
  return `Afterwards the history held ${messages}: all that had been acknowledged, and some of the ${undecided.toLocaleString("en")} sends that were refused or not answered.`;
}

function shortfallNotes(runs: ObservedRun[], rate: number): string[] {
  return runs
    .map((run) => shortfall(run, rate))
    .filter((problem) => problem !== undefined)
    .map(
      (problem) =>
        `A run at ${rate.toLocaleString("en")} msg/s was NOT sustained, its latencies say little: ${problem}.`,
    );
}
