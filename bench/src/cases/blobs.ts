/** Blobs put and read over HTTP, beside the store that they go to, and what many uploads at once take in memory. */
import { join } from "node:path";
import { createAccount } from "../accounts.ts";
import { residentMb, watchResidentMb } from "../blobs/resident-memory.ts";
import { type S3Server, startS3Server } from "../blobs/s3-server.ts";
import type { TargetOptions } from "../blobs/targets.ts";
import {
  atLeast,
  atLeastOfFloor,
  atMost,
  type BenchCase,
  type CaseOptions,
  type CaseResult,
  type Measure,
  type Unit,
} from "../case.ts";
import type { BytesLoadOptions, BytesLoadResult } from "../load/bytes-load.ts";
import { startFloor } from "../process/floor-process.ts";
import { type LoadProcess, startLoadProcess } from "../process/load-process.ts";
import { type ServerProcess, startServer } from "../process/server-process.ts";
import { makeTemporaryDirectory } from "../process/temporary-directory.ts";
import { tell } from "../progress.ts";
import { repeated } from "../statistics.ts";

interface Size {
  name: string;
  bytes: number;
  concurrency: number;
  /** Instead of as many as a window has time for. */
  count?: number;
  /** How many different ones are written and read. */
  names: number;
}

const sizes: readonly Size[] = [
  { name: "1 KB", bytes: 1_024, concurrency: 32, names: 2_000 },
  { name: "100 KB", bytes: 102_400, concurrency: 16, names: 200 },
  { name: "1 MB", bytes: 1_048_576, concurrency: 4, names: 50 },
  { name: "10 MB", bytes: 10_485_760, concurrency: 4, names: 10 },
  { name: "1 GB", bytes: 1_073_741_824, concurrency: 1, count: 1, names: 1 },
];
const countedInRequests = 1_024;
const rounds = 3;
const minPutsPerSecond = 2_000;
const shareOfStore = 0.8;
const targetFromBytes = 1_048_576;
const scheduledPerSecond = 500;
const uploads = { count: 50, bytes: 104_857_600 };
const maxGrowthMb = 64;

/** What the benchmark puts is more than a user may keep. */
const settings = { PARLEY_BLOB_QUOTA_BYTES: "1000000000000", PARLEY_BLOB_GARBAGE_GRACE_MS: "0" };

export const blobsCase: BenchCase = {
  name: "blobs",
  about:
    "blobs of 1 KB to 1 GB put and read, beside the disk or S3 server that they go to; memory with 50 uploads at once",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const onDisk = await measureDisk(options);
  const onS3 = await measureS3(options);
  return {
    measures: [...onDisk, ...(onS3 ?? [])],
    notes: [
      `Each size: ${rounds} rounds with Parley and its floors by turns, by one load process; 1 KB with ${sizes[0]!.concurrency} at once, 100 KB with ${sizes[1]!.concurrency}, 1 and 10 MB with 4, 1 GB one by one. Puts replace each other; what is read was put before and is in the page cache.`,
      "The floor is the store itself, from within the load process: files written, synced and renamed as Parley does it, or PutObject and GetObject by the client library that Parley uses. It computes no SHA-256 and knows no users, keys or conditions.",
      "“over bare HTTP” is the same beside a node:http server that does nothing but write and read the files: what any server in this language may reach.",
      `Latency of 1 KB: an open loop at ${scheduledPerSecond}/s.`,
      `Memory: growth of the server process from idle, after a round of everything else, to the most while ${uploads.count} uploads of 100 MB go on at once; PostgreSQL not counted.`,
      onS3
        ? "S3: versitygw on the same disk, over loopback."
        : "S3 was NOT MEASURED: versitygw is not installed (scripts/install-blob-servers.sh).",
    ],
  };
}

async function measureDisk(options: CaseOptions): Promise<Measure[]> {
  await using directory = await makeTemporaryDirectory();
  const folder = join(directory.path, "store");
  await using floor = await startFloor("bytes", { arguments: [join(directory.path, "http")] });
  await using server = await startServer({ settings });
  const parley = await parleyTarget(server);
  const bare: TargetOptions = {
    kind: "http",
    url: `http://127.0.0.1:${floor.port}/x`,
    headers: {},
    connections: 64,
  };
  const measures = await measureSizes("disk", { parley, store: { kind: "file", folder }, bare }, options);
  const latency = await measureLatency(parley, options);
  return [...measures, ...latency, await measureMemory(server, parley)];
}

async function measureS3(options: CaseOptions): Promise<Measure[] | undefined> {
  await using directory = await makeTemporaryDirectory();
  await using s3 = await startS3Server(directory.path);
  if (!s3) return undefined;
  await using server = await startServer({
    settings: {
      ...settings,
      PARLEY_BLOB_STORE: storeUrl(s3),
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    },
  });
  const parley = await parleyTarget(server);
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  const store: TargetOptions = {
    kind: "s3",
    endpoint,
    bucket,
    accessKeyId,
    secretAccessKey,
    connections: 64,
  };
  const measures = await measureSizes("S3", { parley, store }, options);
  return [...measures, await measureMemory(server, parley, "S3")];
}

const storeUrl = ({ endpoint, bucket }: S3Server) =>
  `s3://${bucket}/parley?region=us-east-1&pathStyle=true&endpoint=${encodeURIComponent(endpoint)}`;

async function parleyTarget(server: ServerProcess): Promise<TargetOptions> {
  const { accessToken } = await createAccount(server.url, "blobs@example.com");
  const headers = { authorization: `Bearer ${accessToken}` };
  return { kind: "http", url: `${server.url}/v2/blobs`, headers, connections: 64 };
}

interface Targets {
  parley: TargetOptions;
  store: TargetOptions;
  bare?: TargetOptions;
}

async function measureSizes(where: string, targets: Targets, options: CaseOptions): Promise<Measure[]> {
  await using load = startLoadProcess();
  const measures: Measure[] = [];
  for (const size of sizes) {
    for (const operation of ["put", "get"] as const) {
      tell(`blobs on ${where}: ${operation} of ${size.name}`);
      measures.push(...(await measureSize(load, { where, targets, size, operation }, options)));
    }
  }
  return measures;
}

interface Measured {
  where: string;
  targets: Targets;
  size: Size;
  operation: "put" | "get";
}

async function measureSize(
  load: LoadProcess,
  measured: Measured,
  { windowMs }: CaseOptions,
): Promise<Measure[]> {
  const { where, targets, size, operation } = measured;
  const once = (target: TargetOptions) =>
    load.call("runBytes", loadOptions(target, size, operation, windowMs));
  const rates: Record<keyof Targets, number[]> = { parley: [], store: [], bare: [] };
  const isCounted = size.bytes <= countedInRequests;
  const rateOf = (result: BytesLoadResult) =>
    isCounted ? result.done / result.seconds : result.megabytesPerSecond;
  if (operation === "get") await writeAll(load, targets, size);
  for (let round = 0; round < rounds; round++) {
    for (const name of ["store", "bare", "parley"] as const) {
      const target = targets[name];
      if (target) rates[name].push(rateOf(await once(target)));
    }
  }
  const unit: Unit = isCounted ? `${operation}s/s` : "MB/s";
  const value = repeated(rates.parley);
  const store = repeated(rates.store);
  const title = `${operation} of ${size.name}, ${where}`;
  const target = targetOf(measured, value.median, store.median);
  const measures: Measure[] = [
    {
      name: title,
      unit,
      value,
      floor: { name: "the store itself", value: store },
      ...(target ? { target } : {}),
    },
  ];
  if (rates.bare.length > 0) {
    measures.push({
      name: "  over bare HTTP",
      unit,
      value,
      floor: { name: "bare node:http", value: repeated(rates.bare) },
    });
  }
  return measures;
}

function targetOf({ operation, size }: Measured, value: number, store: number) {
  if (size.bytes >= targetFromBytes) return atLeastOfFloor(shareOfStore, value, store);
  return size.bytes <= countedInRequests && operation === "put"
    ? atLeast(minPutsPerSecond, value)
    : undefined;
}

function loadOptions(
  target: TargetOptions,
  size: Size,
  operation: "put" | "get",
  windowMs: number,
): BytesLoadOptions {
  const { bytes, concurrency, names, count } = size;
  const name = `bench-${bytes}`;
  return { target, operation, size: bytes, name, names, concurrency, windowMs, ...(count ? { count } : {}) };
}

/** So that there is something to read under each name. */
async function writeAll(load: LoadProcess, { parley, store, bare }: Targets, size: Size): Promise<void> {
  for (const target of [parley, store, bare]) {
    if (target) await load.call("runBytes", { ...loadOptions(target, size, "put", 0), count: size.names });
  }
}

async function measureLatency(target: TargetOptions, { windowMs }: CaseOptions): Promise<Measure[]> {
  await using load = startLoadProcess();
  const size = sizes[0]!;
  const measures: Measure[] = [];
  for (const operation of ["put", "get"] as const) {
    const { latency } = await load.call("runBytes", {
      ...loadOptions(target, size, operation, windowMs * rounds),
      requestsPerSecond: scheduledPerSecond,
    });
    measures.push(
      {
        name: `${operation} of 1 KB at ${scheduledPerSecond}/s, p50`,
        unit: "ms",
        value: repeated([latency.p50Ms]),
      },
      { name: "  p99", unit: "ms", value: repeated([latency.p99Ms]) },
    );
  }
  return measures;
}

async function measureMemory(server: ServerProcess, target: TargetOptions, where = "disk"): Promise<Measure> {
  tell(`blobs on ${where}: ${uploads.count} uploads at once`);
  await using load = startLoadProcess();
  const idleMb = (await residentMb(server.pid)) ?? 0;
  const most = watchResidentMb(server.pid);
  await load.call("runBytes", {
    target,
    operation: "put",
    size: uploads.bytes,
    name: "upload",
    names: uploads.count,
    concurrency: uploads.count,
    count: uploads.count,
  });
  const growthMb = most() - idleMb;
  return {
    name: `memory above idle, ${uploads.count} uploads of 100 MB, ${where}`,
    unit: "MB",
    value: repeated([growthMb]),
    target: atMost(maxGrowthMb, growthMb, "MB"),
  };
}
