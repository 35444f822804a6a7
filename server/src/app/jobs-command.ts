/** `parley jobs`: what waits, what failed, and what to do about it. */
import { parseArgs } from "node:util";
import { withExistingDatabase } from "#app/existing-database.ts";
import { ConfigError, readConfig } from "#config/config.ts";
import type { DeadJob, QueueCounts } from "#platform/jobs/jobs.ts";
import { countInBroker, findKeptJobs, type KeptJobs } from "#platform/jobs/kept-jobs.ts";
import { createLog } from "#platform/log.ts";

const jobsUsage = `Usage: parley jobs                                how many jobs there are, by queue
       parley jobs dead <queue> [--limit 20]      those that failed too often, the latest first
       parley jobs requeue <queue> [id…]          try these again, or all dead jobs of the queue
       parley jobs discard <queue> <id… | --all>  throw these away, or all dead jobs of the queue

It works beside a running Parley and without one, on the database that the settings name.
`;

interface Request {
  action: "counts" | "dead" | "requeue" | "discard";
  queue: string;
  /** Undefined: all. */
  ids: string[] | undefined;
  limit: number;
}

/** For people: what they typed cannot be done. */
class UsageError extends Error {}

export async function runJobsCommand(args: string[]): Promise<number> {
  try {
    const request = readRequest(args);
    if (!request) {
      process.stdout.write(jobsUsage);
      return 0;
    }
    const config = readConfig(process.env);
    const options = { config, log: createLog("warn"), command: "jobs" };
    const answer = await withExistingDatabase(options, async (database) => {
      const kept = await findKeptJobs(database);
      if (request.action === "counts") return await describeCounts(kept, config.jobs.AMQP_URL);
      return await act(await keepersOf(kept, request.queue), request);
    });
    process.stdout.write(answer);
    return 0;
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    process.stderr.write(`parley jobs: ${message}${reason}\n`);
    if (error instanceof UsageError) process.stderr.write(`\n${jobsUsage}`);
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

/** Undefined: tell how it is used. */
function readRequest(args: string[]): Request | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [action = "counts", queue = "", ...ids] = positionals;
  if (action !== "counts" && action !== "dead" && action !== "requeue" && action !== "discard") {
    throw new UsageError(`there is no "${action}"`);
  }
  if (action !== "counts" && !queue) throw new UsageError("which queue?");
  if (action === "discard" && values.all === ids.length > 0)
    throw new UsageError("which jobs: ids, or --all?");
  const limit = Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError("--limit must be a whole number from 1");
  return { action, queue, ids: ids.length > 0 ? ids : undefined, limit };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        all: { type: "boolean", default: false },
        limit: { type: "string", default: "20" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function keepersOf(kept: KeptJobs[], queue: string): Promise<KeptJobs[]> {
  const names = new Set<string>();
  const keepers: KeptJobs[] = [];
  for (const one of kept) {
    const queues = (await one.counts()).map((counts) => counts.queue);
    for (const name of queues) names.add(name);
    if (queues.includes(queue)) keepers.push(one);
  }
  if (keepers.length > 0) return keepers;
  throw new Error(`there is no queue "${queue}"; there are: ${[...names].sort().join(", ") || "none yet"}`);
}

async function act(keepers: KeptJobs[], { action, queue, ids, limit }: Request): Promise<string> {
  if (action === "dead") {
    const found = await Promise.all(keepers.map((one) => one.dead(queue, limit)));
    const latest = found.flat().sort((a, b) => b.failedAt.getTime() - a.failedAt.getTime());
    return latest.length > 0 ? latest.slice(0, limit).map(describeDead).join("") : "No dead jobs.\n";
  }
  let count = 0;
  for (const one of keepers) {
    count += await (action === "requeue" ? one.requeue(queue, ids) : one.discard(queue, ids));
  }
  if (ids && count < ids.length) {
    throw new Error(`${count} of ${ids.length} done: the others are not among the dead jobs of "${queue}"`);
  }
  return `${count} ${count === 1 ? "job" : "jobs"} ${action === "requeue" ? "queued again" : "thrown away"}.\n`;
}

const describeDead = ({ id, attempts, failedAt, error, data }: DeadJob) =>
  `${id}  ${attempts} attempts  ${failedAt.toISOString()}\n  ${error}\n  ${JSON.stringify(data)}\n`;

async function describeCounts(kept: KeptJobs[], amqpUrl: string | undefined): Promise<string> {
  const rows: string[][] = [["queue", "kept in", "waiting", "delayed", "running", "dead"]];
  const notes: string[] = [];
  for (const one of kept) {
    const counts = await one.counts();
    const inBroker = one.engine === "RabbitMQ" ? await brokerCounts(one, counts, amqpUrl) : new Map();
    if (!inBroker) notes.push("RabbitMQ was not asked or did not answer: what it holds is not counted.\n");
    for (const { queue, waiting, delayed, running, dead } of counts) {
      // RabbitMQ does not tell how many are being worked on.
      const isKnown = one.engine === "PostgreSQL";
      const all = waiting + (inBroker?.get(queue) ?? 0);
      rows.push([queue, one.engine, `${all}`, `${delayed}`, isKnown ? `${running}` : "-", `${dead}`]);
    }
  }
  if (rows.length === 1) return "There are no queues yet.\n";
  return table(rows) + notes.join("");
}

async function brokerCounts({ service }: KeptJobs, counts: QueueCounts[], amqpUrl: string | undefined) {
  const queues = counts.map(({ queue }) => queue);
  return amqpUrl ? await countInBroker(amqpUrl, service, queues) : undefined;
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}
