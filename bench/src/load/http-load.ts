/** Requests over HTTP/1.1 or gRPC: as many as the server answers, or on a fixed schedule. */
import { setTimeout as sleep } from "node:timers/promises";
import { grpcRequest, openGrpcConnections } from "./grpc-connection.ts";
import {
  getRequest,
  type HttpConnection,
  type HttpTarget,
  openHttpConnection,
  postRequest,
} from "./http-connection.ts";
import { createLatencyRecorder, type LatencySummary } from "./latency.ts";
import { createRandom, poissonSchedule } from "./schedule.ts";

export interface LoadRequestOptions {
  path: string;
  headers: Record<string, string>;
  /** The message of a gRPC request, in base64. */
  message?: string;
  /** JSON, makes it a POST; over HTTP/1.1. */
  body?: string;
}

export interface HttpLoadOptions extends HttpTarget {
  /** HTTP/1.1, which is the default, or unary gRPC. */
  protocol?: "http" | "grpc";
  /** Asked for in random order. */
  requests: LoadRequestOptions[];
  /** How many requests are under way at once; gRPC has several on one connection. */
  connections: number;
  warmupMs: number;
  windowMs: number;
  seed: number;
  /** Absent: each connection asks again as soon as it is answered. */
  requestsPerSecond?: number;
}

export interface HttpLoadResult {
  /** All that were answered, those of the warm-up too. */
  requests: number;
  /** Answered within the window. */
  responses: number;
  responsesPerSecond: number;
  meanBodyBytes: number;
  /** From when a request was due (without a schedule: sent) to the end of its answer. */
  latency: LatencySummary;
  generatorCores: number;
}

export async function runHttpLoad(options: HttpLoadOptions): Promise<HttpLoadResult> {
  const connections = await openConnections(options);
  const start = performance.now();
  const windowStart = start + options.warmupMs;
  const windowEnd = windowStart + options.windowMs;
  const measured = createMeasurement(windowStart, windowEnd);
  const requests = options.requests.map(toBytes);
  const random = createRandom(options.seed);
  const get = async (connection: HttpConnection, since: number) => {
    const request = requests[Math.floor(random() * requests.length)]!;
    measured.answered(await connection.get(request), since);
  };
  const cpuBefore = process.cpuUsage();
  try {
    if (options.requestsPerSecond) await openLoop(connections, scheduleOf(options, start), get);
    else await Promise.all(connections.map((connection) => closedLoop(connection, windowEnd, get)));
  } finally {
    for (const connection of connections) connection.close();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const generatorCores = (user + system) / 1_000 / (performance.now() - start);
  return { ...measured.result(options.windowMs), generatorCores };
}

function toBytes({ path, headers, message, body }: LoadRequestOptions): Buffer {
  if (message !== undefined) return grpcRequest(path, headers, message);
  return body === undefined ? getRequest(path, headers) : postRequest(path, headers, body);
}

function openConnections(options: HttpLoadOptions): Promise<HttpConnection[]> {
  if (options.protocol === "grpc") return openGrpcConnections(options, options.connections);
  return Promise.all(Array.from({ length: options.connections }, () => openHttpConnection(options)));
}

type Get = (connection: HttpConnection, since: number) => Promise<void>;

async function closedLoop(connection: HttpConnection, until: number, get: Get): Promise<void> {
  for (let now = performance.now(); now < until; now = performance.now()) await get(connection, now);
}

function scheduleOf({ requestsPerSecond = 0, warmupMs, windowMs, seed }: HttpLoadOptions, start: number) {
  const durationMs = warmupMs + windowMs;
  return poissonSchedule({ ratePerSecond: requestsPerSecond, durationMs, seed }).map((at) => start + at);
}

/** A request that finds every connection busy waits for one, and that wait is part of its latency. */
async function openLoop(connections: HttpConnection[], dueAt: Float64Array, get: Get): Promise<void> {
  const idle = [...connections];
  const waiting: number[] = [];
  let failure: unknown;
  const take = (connection: HttpConnection, due: number): void => {
    get(connection, due).then(
      () => {
        const next = waiting.shift();
        if (next === undefined) idle.push(connection);
        else take(connection, next);
      },
      (error) => {
        failure = error;
      },
    );
  };
  for (let index = 0; index < dueAt.length && !failure; ) {
    for (; index < dueAt.length && dueAt[index]! <= performance.now(); index++) {
      // In turn: one that is never asked for would be closed for idleness.
      const connection = idle.shift();
      if (connection) take(connection, dueAt[index]!);
      else waiting.push(dueAt[index]!);
    }
    await sleep(1);
  }
  while (idle.length < connections.length && !failure) await sleep(1);
  if (failure) throw failure;
}

function createMeasurement(windowStart: number, windowEnd: number) {
  const latency = createLatencyRecorder();
  let requests = 0;
  let responses = 0;
  let bodyBytes = 0;
  return {
    answered(bytes: number, since: number) {
      const now = performance.now();
      requests++;
      if (since >= windowStart) latency.record(now - since);
      if (now < windowStart || now >= windowEnd) return;
      responses++;
      bodyBytes += bytes;
    },
    result: (windowMs: number) => ({
      requests,
      responses,
      responsesPerSecond: (responses * 1_000) / windowMs,
      meanBodyBytes: responses === 0 ? 0 : bodyBytes / responses,
      latency: latency.summary(),
    }),
  };
}
