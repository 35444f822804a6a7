/** What an idle connection costs the server in memory. */
import { setTimeout as sleep } from "node:timers/promises";
import { cheapPasswords } from "../accounts.ts";
import { atMost, type BenchCase, type CaseResult } from "../case.ts";
import { maxOpenFiles } from "../machine.ts";
import { startFloor } from "../process/floor-process.ts";
import { inspectOption, type MemoryUse, openInspector, readMemory } from "../process/inspector.ts";
import { startLoadProcess } from "../process/load-process.ts";
import { startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { repeated } from "../statistics.ts";
import { createPairs } from "./people.ts";

const wantedConnections = 8_000;
/** Open files that a server has besides its connections. */
const otherFiles = 1_000;
const pairCount = 500;
const targetKb = 15;
/** For the sockets' ends to reach the server, and for what it does once after a connection. */
const settleMs = 2_000;

export const idleCase: BenchCase = {
  name: "idle",
  about: `memory for each of ${wantedConnections.toLocaleString("en")} connections that are open, resumed and idle`,
  run,
};

async function run(): Promise<CaseResult> {
  const connections = Math.min(wantedConnections, (await maxOpenFiles()) - otherFiles);
  const parley = await measureParley(connections);
  const floor = await measureFloor(connections);
  const people = pairCount * 2;
  return {
    measures: [
      {
        name: "memory for an idle connection",
        unit: "KB",
        value: repeated([parley.residentKb]),
        floor: { name: "bare ws", value: repeated([floor.residentKb]) },
        target: atMost(targetKb, parley.residentKb, "KB"),
      },
    ],
    notes: [
      `Growth of the server's resident memory from the first half of ${connections.toLocaleString("en")} connections to all of them, of ${people} people with a chat each, garbage collected before each reading. The kernel's socket buffers are not in it.`,
      `Of it in JavaScript objects: Parley ${parley.heapKb.toFixed(1)} KB, bare ws ${floor.heapKb.toFixed(1)} KB.`,
    ],
  };
}

async function measureParley(connections: number): Promise<ConnectionMemory> {
  await using server = await startServer({ settings: cheapPasswords, nodeOptions: [inspectOption] });
  tell(`idle: creating ${pairCount} pairs`);
  const pairs = await createPairs(server.url, pairCount);
  const accessTokens = pairs.flatMap(({ people }) => people.map((one) => one.accessToken));
  return await measure({ server, accessTokens, connections, name: "idle" });
}

async function measureFloor(connections: number): Promise<ConnectionMemory> {
  await using server = await startFloor("socket", { nodeOptions: [inspectOption] });
  const accessTokens = Array.from({ length: pairCount }, (_, pair) => `pair-${pair}`);
  return await measure({ server, accessTokens, connections, name: "bare ws" });
}

interface MeasureOptions {
  server: { socketUrl: string; inspectorUrl: string | undefined };
  accessTokens: string[];
  connections: number;
  name: string;
}

/** Growth for each connection. */
interface ConnectionMemory {
  residentKb: number;
  heapKb: number;
}

async function measure({
  server,
  accessTokens,
  connections,
  name,
}: MeasureOptions): Promise<ConnectionMemory> {
  using inspector = await openInspector(server.inspectorUrl);
  await using load = startLoadProcess();
  const half = Math.floor(connections / 2);
  tell(`${name}: opening ${connections} connections`);
  await load.call("openIdle", { url: server.socketUrl, accessTokens, connections: half });
  await sleep(settleMs);
  // The first half takes up what the heap had to spare, so that the second one shows what a connection needs.
  const before = await readMemory(inspector);
  await load.call("openIdle", { url: server.socketUrl, accessTokens, connections: half });
  await sleep(settleMs);
  const after = await readMemory(inspector);
  const stillOpen = await load.call("countIdle");
  if (stillOpen !== half * 2) throw new Error(`only ${stillOpen} of ${half * 2} connections stayed open`);
  const growthKb = (bytes: (use: MemoryUse) => number) => (bytes(after) - bytes(before)) / half / 1_024;
  return {
    residentKb: growthKb(({ residentBytes }) => residentBytes),
    heapKb: growthKb(({ heapUsedBytes }) => heapUsedBytes),
  };
}
