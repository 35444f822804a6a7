/** Messages between people at different gateways: persisted by one messenger, and delivered by way of Redis. */
import { cheapPasswords } from "../accounts.ts";
import { atLeastOfFloor, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { startCluster } from "../process/cluster-process.ts";
import { inspectOption } from "../process/inspector.ts";
import { costNote, type ObservedRun } from "../process/observed-run.ts";
import { measureProcesses, useText } from "../process/processes-use.ts";
import { profileOf } from "../process/processor-profile.ts";
import { startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { repeat, repeated } from "../statistics.ts";
import { type ChatBench, openChatBench } from "./chat-bench.ts";
import { deliveredPerSecond } from "./delivered.ts";
import { chatsOf, compareWithHistory, createPairs } from "./people.ts";
import { shortfall } from "./sustained-rate.ts";

const pairCount = 100;
const inFlight = 400;
const rounds = 3;
const minShareOfOneProcess = 0.7;

export const twoGatewaysCase: BenchCase = {
  name: "two-gateways",
  about: "messages between people at different gateways against the same in one process",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const whole = await measureWhole(options);
  const apart = await measureApart(options);
  const [value, floor] = [deliveredPerSecond(apart.closed), deliveredPerSecond(whole.closed)];
  return {
    measures: [
      {
        name: `messages across two gateways, ${inFlight} always in flight`,
        unit: "msg/s",
        value,
        floor: { name: "one process, same load", value: floor },
        target: atLeastOfFloor(minShareOfOneProcess, value.median, floor.median),
      },
      ...latencyMeasures(apart, whole),
    ],
    notes: [
      `${pairCount} direct chats, the two people of each at different gateways; 2 gateways, 1 messenger, 1 identity, PostgreSQL and Redis, all on this machine. The same load on Parley in one process was measured before.`,
      `Afterwards the histories held what had been acknowledged: ${whole.stored.toLocaleString("en")} and ${apart.stored.toLocaleString("en")} messages.`,
      ...costNote(whole.closed.at(-1)!, "in one process"),
      `Processor time for each message across two gateways: ${apart.cost}.`,
      ...skippedNotes(apart.closed.concat(apart.open)),
      ...[whole, apart].flatMap(({ name, open, ratePerSecond }) =>
        open
          .map((one) => shortfall(one, ratePerSecond))
          .filter((problem) => problem !== undefined)
          .map((problem) => `A run (${name}) at ${ratePerSecond}/s was NOT sustained: ${problem}.`),
      ),
    ],
    ...profileOf(apart.profile),
  };
}

interface Measured {
  name: string;
  closed: ObservedRun[];
  open: ObservedRun[];
  /** Of the open loop: half of what the closed loop reached. */
  ratePerSecond: number;
  stored: number;
  cost: string;
}

async function measureWhole({ windowMs }: CaseOptions): Promise<Measured> {
  await using server = await startServer({ settings: cheapPasswords });
  const pairs = await createPairs(server.url, pairCount);
  const name = "one process";
  await using bench = await openChatBench({ name: "whole", server, chats: chatsOf(pairs), windowMs });
  const runs = await measure(name, bench, { Parley: server.pid });
  return { ...runs, stored: await compareWithHistory(pairs, bench.historyCheck()) };
}

async function measureApart({ windowMs, profile }: CaseOptions) {
  await using cluster = await startCluster({
    gateways: 2,
    settings: cheapPasswords,
    nodeOptionsOf: (name) => (profile && name === "gateway-1" ? [inspectOption] : []),
  });
  const [one, other] = [cluster.gateways[0]!, cluster.gateways[1]!];
  const pairs = await createPairs(one.url, pairCount);
  await using bench = await openChatBench({
    name: "apart",
    server: {
      pid: one.pid,
      socketUrls: [one.wsUrl, other.wsUrl],
      inspectorUrl: cluster.inspectorUrlOf(one.name),
    },
    chats: chatsOf(pairs),
    windowMs,
  });
  const runs = await measure("two gateways", bench, {
    "gateway 1": one.pid,
    "gateway 2": other.pid,
    messenger: cluster.messenger.pid,
    PostgreSQL: cluster.databasePid,
    Redis: cluster.redisPid,
  });
  const profiled = profile ? await bench.closedLoop(inFlight, { profile }) : undefined;
  const stored = await compareWithHistory(pairs, bench.historyCheck());
  return { ...runs, stored, profile: profiled?.profile };
}

async function measure(name: string, bench: ChatBench, processes: Record<string, number>) {
  tell(`two-gateways: ${name}, warming up`);
  await bench.closedLoop(inFlight);
  const used = await measureProcesses(processes);
  const closed = await repeat(rounds, () => bench.closedLoop(inFlight));
  const sent = closed.reduce((sum, one) => sum + one.sent, 0);
  const cost = useText(await used(), sent);
  const perSecond = deliveredPerSecond(closed).median;
  const ratePerSecond = Math.round(perSecond / 2);
  tell(`two-gateways: ${name}, ${Math.round(perSecond)} msg/s; latency at ${ratePerSecond} msg/s`);
  return {
    name,
    closed,
    cost,
    ratePerSecond,
    open: await repeat(rounds, () => bench.openLoop(ratePerSecond)),
  };
}

function latencyMeasures(apart: Measured, whole: Measured): Measure[] {
  return (["p50Ms", "p99Ms"] as const).map((percentile) => ({
    name: `  send → receipt at half of that, ${percentile.slice(0, -2)}`,
    unit: "ms",
    value: repeated(apart.open.map(({ delivery }) => delivery[percentile])),
    floor: {
      name: "one process, at half of its own",
      value: repeated(whole.open.map(({ delivery }) => delivery[percentile])),
    },
  }));
}

/** The bus may lose events; the gateway then fetches them. Sockets must not notice. */
function skippedNotes(runs: readonly ObservedRun[]): string[] {
  const skipped = runs.reduce((sum, run) => sum + run.skipped, 0);
  const doubled = runs.reduce((sum, run) => sum + run.repeated, 0);
  if (skipped + doubled === 0) return [];
  return [`Events that skipped a seq: ${skipped}; that came twice: ${doubled}.`];
}
