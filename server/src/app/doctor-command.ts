/** `parley doctor`: whether the data is as it must always be, and the repair of what can be repaired. */
import { parseArgs } from "node:util";
import { withExistingDatabase } from "#app/existing-database.ts";
import { waitForStopSignal } from "#app/stop-signal.ts";
import { blobChecks } from "#blobs/doctor/blob-checks.ts";
import { bytesCheck } from "#blobs/doctor/bytes-check.ts";
import { openStore } from "#blobs/stores/open-store.ts";
import { type Config, readConfig } from "#config/config.ts";
import { messengerChecks } from "#messenger/doctor/messenger-checks.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import type { Database } from "#platform/database.ts";
import { type Check, type CheckRun, type Finding, runCheck } from "#platform/doctor.ts";
import { createLog } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { noTelemetry } from "#platform/telemetry.ts";

const usage = `Usage: parley doctor [--repair] [--deep]

Checks on the live data what must always be true of it: that no chat has a gap, that counts count, that every message is
indexed as its text says, that blobs have their bytes. It works beside a running Parley and without one, and changes nothing without --repair.

  --repair  makes right what can be made right safely, and says what
  --deep    also asks the object store (PARLEY_BLOB_STORE) for every blob's bytes

The exit code is 0 when all is well (or was made so), 1 when something is not, and 2 when it could not be checked.
`;

/** The object store is only opened for what is asked of it. */
async function checksOf(config: Config, isDeep: boolean): Promise<readonly Check[]> {
  const checks = [...messengerChecks, ...blobChecks];
  if (!isDeep) return checks;
  const { blobs, circuits: settings, dataDir } = config;
  const circuits = createCircuits({ settings, meter: noTelemetry.meter, log: createLog("warn") });
  const store = await openStore({ config: blobs, dataDir, circuits, telemetry: noTelemetry });
  return [...checks, bytesCheck(store)];
}

export interface DoctorOptions {
  checks: readonly Check[];
  database: Database;
  mayRepair: boolean;
  isDeep: boolean;
  signal: AbortSignal;
  say(line: string): void;
  /** Of what is under way, for people who wait. */
  progress(line: string): void;
}

export async function runDoctorCommand(args: string[]): Promise<number> {
  using stop = waitForStopSignal();
  try {
    const flags = {
      repair: { type: "boolean" },
      deep: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    } as const;
    const { values } = parseArgs({ args, options: flags });
    const say = (line: string) => process.stdout.write(`${line}\n`);
    if (values.help) {
      say(usage.trimEnd());
      return 0;
    }
    const { signal } = stop;
    const [mayRepair, isDeep] = [values.repair ?? false, values.deep ?? false];
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const config = readConfig(process.env);
    const checks = await checksOf(config, isDeep);
    return await withExistingDatabase(
      { config, log: createLog("warn"), command: "doctor", maxConnections: 3, signal },
      (database) => examine({ checks, database, mayRepair, isDeep, signal, say, progress }),
    );
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    const what = stop.signal.aborted ? "stopped before everything was checked" : `${message}${reason}`;
    process.stderr.write(`parley doctor: ${what}\n`);
    return 2;
  }
}

/** The exit code. Rejects when something could not be checked. */
export async function examine(options: DoctorOptions): Promise<0 | 1> {
  const { database, mayRepair, isDeep, say } = options;
  const chosen = options.checks.filter((check) => isDeep || !check.isDeep);
  let ill = 0;
  for (const check of chosen) {
    const found = await runCheck(check, database, runOf(check, options));
    if (found.count === 0) {
      say(`ok      ${check.name}`);
      continue;
    }
    say(describe(found));
    if (!(mayRepair && check.repair && (await repair(check, options)))) ill += 1;
  }
  say(ill === 0 ? "All is well." : `${ill} of ${chosen.length} checks found something wrong.`);
  return ill === 0 ? 0 : 1;
}

/** Whether it is right now. */
async function repair(check: Check, options: DoctorOptions): Promise<boolean> {
  const { database, say } = options;
  const repaired = await check.repair!.run(database, runOf(check, options));
  const { count } = await runCheck(check, database, runOf(check, options));
  const rest = count > 0 ? `; ${count} are left. ${check.advice}` : "";
  say(`        repaired ${repaired}: ${check.repair!.about}${rest}`);
  return count === 0;
}

function describe({ check, count, examples }: Finding): string {
  const more = count > examples.length ? [`        … and ${count - examples.length} more`] : [];
  const remedy = check.repair ? `--repair: ${check.repair.about}` : check.advice;
  return [
    `WRONG   ${check.name}: ${count} times not`,
    ...examples.map(({ id }) => `        ${id}`),
    ...more,
    `        ${remedy}`,
  ].join("\n");
}

const reportEveryMs = 1_000;

function runOf(check: Check, { signal, progress }: DoctorOptions): CheckRun {
  const isTime = createLogInterval(reportEveryMs);
  isTime();
  return {
    signal,
    onProgress(seen) {
      if (isTime()) progress(`${check.name}: ${seen} looked at`);
    },
  };
}
