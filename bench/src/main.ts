/** `npm run bench`: runs the cases one after the other, prints a table, writes JSON. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { CaseResult } from "./case.ts";
import { allCases } from "./cases/all-cases.ts";
import { type CliOptions, list, readCliOptions, UsageError, usage } from "./cli-options.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { stopChildren } from "./process/child.ts";
import { watchOtherLoad } from "./process/other-load.ts";
import { stopRunning } from "./process/running.ts";
import { removeTemporaryDirectories } from "./process/temporary-directory.ts";
import { tell } from "./progress.ts";
import { appendices, machineLine, notes, otherLoadWarning, profiles, table, verdict } from "./report.ts";

const interruptedCode = 130;
const stopping = new AbortController();

async function main(args: string[]): Promise<number> {
  const options = readCliOptions(
    args,
    allCases.map(({ name }) => name),
    new Date(),
  );
  if (options.mode !== "run") {
    console.log(options.mode === "list" ? list(allCases).trimEnd() : usage(allCases));
    return 0;
  }
  const startedAt = new Date();
  const machine = await describeMachine();
  const otherLoad = await watchOtherLoad();
  const { results, failed } = await runCases(options);
  const otherCores = await otherLoad();
  if (stopping.signal.aborted) return interruptedCode;
  if (results.size > 0) print(machine, results, otherCores);
  await writeJson(options.jsonPath, {
    startedAt,
    machine,
    otherCores,
    options,
    results: Object.fromEntries(results),
  });
  return failed ? 1 : 0;
}

async function runCases(options: CliOptions) {
  const results = new Map<string, CaseResult>();
  let failed = false;
  for (const { name, run } of allCases.filter((one) => options.names.includes(one.name))) {
    try {
      results.set(name, await run(options));
    } catch (error) {
      // What was running has just been stopped.
      if (stopping.signal.aborted) break;
      failed = true;
      tell(`${name} FAILED: ${error instanceof Error ? error.stack : error}`);
    }
  }
  return { results, failed };
}

function print(machine: Machine, results: ReadonlyMap<string, CaseResult>, otherCores: number | undefined) {
  const measures = [...results.values()].flatMap((result) => result.measures);
  const parts = [
    machineLine(machine),
    ...otherLoadWarning(otherCores, machine.cores),
    "",
    table(measures),
    "",
    verdict(results),
    "",
    notes(results),
    profiles(results),
    appendices(results),
  ];
  console.log(`\n${parts.join("\n")}`);
}

async function writeJson(path: string, content: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
  tell(`results written to ${path}`);
}

/** Ends everything that was started, whatever is being waited for. */
async function stop(): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  tell("stopping…");
  await Promise.all([stopChildren(), stopRunning()]);
  await removeTemporaryDirectories();
  process.exit(interruptedCode);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop());
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  tell(`bench: ${error.message}`);
  process.exitCode = 2;
}
