/** How long Parley takes from being started to its first answer. */
import { atMost, type BenchCase, type CaseResult, type Measure } from "../case.ts";
import { startFloor } from "../process/floor-process.ts";
import { startServer } from "../process/server-process.ts";
import { makeTemporaryDirectory } from "../process/temporary-directory.ts";
import { tell } from "../progress.ts";
import { type Repeated, repeat, repeated } from "../statistics.ts";

const rounds = 3;
const targetS = 5;

export const coldStartCase: BenchCase = {
  name: "cold-start",
  about: "from the start of the process to its first answer, with and without existing data",
  run,
};

async function run(): Promise<CaseResult> {
  const starts = await repeat(rounds, measureStarts);
  const floor = { name: "bare Fastify", value: repeated(await repeat(rounds, measureFloor)) };
  const measure = (name: string, value: Repeated): Measure => ({
    name,
    unit: "s",
    value,
    floor,
    target: atMost(targetS, value.median, "s"),
  });
  return {
    measures: [
      measure("ready, first start (creates the database)", repeated(starts.map(({ first }) => first))),
      measure("ready, later start", repeated(starts.map(({ later }) => later))),
    ],
    notes: ["Until GET /.well-known/jwks.json was answered with 200, which needs the database."],
  };
}

/** In seconds. */
async function measureStarts(round: number): Promise<{ first: number; later: number }> {
  tell(`cold-start: round ${round + 1} of ${rounds}`);
  await using directory = await makeTemporaryDirectory();
  return { first: await startOnce(directory.path), later: await startOnce(directory.path) };
}

async function startOnce(dataDir: string): Promise<number> {
  await using server = await startServer({ dataDir });
  return server.readyAfterMs / 1_000;
}

async function measureFloor(): Promise<number> {
  await using floor = await startFloor("http");
  return floor.readyAfterMs / 1_000;
}
