/** Fan-out: a room of a thousand people, each with a socket. */
import { cheapPasswords, createAccounts } from "../accounts.ts";
import { atLeast, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { startFloor } from "../process/floor-process.ts";
import { inspectOption } from "../process/inspector.ts";
import { costNote, type ObservedRun } from "../process/observed-run.ts";
import { profileOf } from "../process/processor-profile.ts";
import { startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { type Repeated, repeat, repeated } from "../statistics.ts";
import { type ChatBench, openChatBench } from "./chat-bench.ts";
import { shortfall } from "./sustained-rate.ts";

const memberCount = 1_000;
const inFlight = 20;
const rounds = 3;
const targetDeliveriesPerSecond = 150_000;
const targetPerSecond = targetDeliveriesPerSecond / memberCount;

export const roomCase: BenchCase = {
  name: "room",
  about: `deliveries into a room of ${memberCount} people`,
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const nodeOptions = options.profile ? [inspectOption] : [];
  await using server = await startServer({ settings: cheapPasswords, nodeOptions });
  tell(`room: creating ${memberCount} people`);
  const accounts = await createAccounts(server.url, memberCount);
  const [owner, ...others] = accounts;
  const { id: chatId } = await owner!.client.createChat({
    kind: "group",
    title: "Benchmark",
    memberIds: others.map(({ userId }) => userId),
  });
  const chats = [{ chatId, accessTokens: accounts.map(({ accessToken }) => accessToken) }];
  await using bench = await openChatBench({ name: "room", server, chats, windowMs: options.windowMs });
  const room = await measure(bench, "room");
  const atTarget = await repeat(rounds, () => bench.openLoop(targetPerSecond));
  const profiled = options.profile ? await bench.closedLoop(inFlight, { profile: true }) : undefined;
  const floor = await measureFloor(options);
  const isSustained = atTarget.every((run) => shortfall(run, targetPerSecond) === undefined);
  const limitTarget = atLeast(targetDeliveriesPerSecond, room.limit.median);
  return {
    measures: [
      {
        name: `deliveries into a room of ${memberCount.toLocaleString("en")}`,
        unit: "deliveries/s",
        value: room.limit,
        floor: { name: "bare ws broadcast", value: floor.limit },
        target: { ...limitTarget, isMet: limitTarget.isMet && isSustained },
      },
      ...latencyMeasures(room.atHalf, floor.atHalf, targetPerSecond / 2),
      ...latencyMeasures(atTarget, [], targetPerSecond),
    ],
    notes: [
      `The limit with ${inFlight} messages always in flight, every receipt counted at its socket. Latency in an open loop with a Poisson schedule, from when a send was due to each of its receipts.`,
      `In the open loop ${targetDeliveriesPerSecond.toLocaleString("en")} deliveries/s were ${isSustained ? "sustained" : "NOT sustained"}.`,
      "Parley sends the messages of one commit in one frame, the floor one by one: it may well be faster than its floor.",
      ...costNote(room.closed.at(-1)!, "with all its deliveries"),
    ],
    ...profileOf(profiled?.profile),
  };
}

function latencyMeasures(runs: ObservedRun[], floorRuns: ObservedRun[], rate: number): Measure[] {
  return (["p50Ms", "p99Ms"] as const).map((percentile) => {
    const value = (of: ObservedRun[]) => repeated(of.map(({ delivery }) => delivery[percentile]));
    return {
      name: `  send → receipt at ${rate} msg/s, ${percentile.slice(0, -"Ms".length)}`,
      unit: "ms",
      value: value(runs),
      ...(floorRuns.length > 0 ? { floor: { name: "bare ws broadcast", value: value(floorRuns) } } : {}),
    };
  });
}

interface RoomFigures {
  limit: Repeated;
  closed: ObservedRun[];
  atHalf: ObservedRun[];
}

async function measure(bench: ChatBench, name: string): Promise<RoomFigures> {
  tell(`${name}: warming up`);
  await bench.closedLoop(inFlight);
  const closed = await repeat(rounds, () => bench.closedLoop(inFlight));
  const limit = repeated(closed.map((run) => (run.deliveredInWindow * 1_000) / run.windowMs));
  tell(`${name}: ${Math.round(limit.median)} deliveries/s`);
  const atHalf = await repeat(rounds, () => bench.openLoop(targetPerSecond / 2));
  return { limit, closed, atHalf };
}

async function measureFloor({ windowMs }: CaseOptions): Promise<RoomFigures> {
  await using server = await startFloor("socket");
  const chats = [{ chatId: "room", accessTokens: Array.from({ length: memberCount }, () => "room") }];
  await using bench = await openChatBench({ name: "broadcast", server, chats, windowMs });
  return await measure(bench, "bare ws broadcast");
}
