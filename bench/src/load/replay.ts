/** Replays a trace of texts to be processed against the service ports of pods, open loop. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { ProcessService } from "@parley/api/v2/process";
import type { Arrival } from "../dispatch/trace.ts";

export interface ReplayOptions {
  /** Base URLs. */
  podUrls: string[];
  authorization: string;
  arrivals: Arrival[];
  /** Milliseconds since 1970; the trace begins there. */
  startAtMs: number;
  timeoutMs: number;
}

export interface Replayed {
  /** Milliseconds since 1970. */
  sentAtMs: number;
  /** From when the request was due to its answer. */
  latencyMs: number;
  /** Who served it; an error's code after "error: ". */
  outcome: string;
}

const textBytes = 40;

/** In the order of the trace. */
export async function replay(options: ReplayOptions): Promise<Replayed[]> {
  const pods = options.podUrls.map((baseUrl) =>
    createClient(ProcessService, createGrpcTransport({ baseUrl })),
  );
  // Connections are made before the first request is due.
  await Promise.all(pods.map((pod) => pod.listProcessors({}, callOptions(options))));
  const offsetMs = options.startAtMs - (performance.timeOrigin + performance.now());
  const start = performance.now() + offsetMs;
  const under: Promise<Replayed>[] = [];
  for (let next = 0; next < options.arrivals.length; ) {
    const now = performance.now();
    for (; next < options.arrivals.length && start + options.arrivals[next]!.atMs <= now; next++) {
      const { atMs, pod } = options.arrivals[next]!;
      under.push(send(pods[pod % pods.length]!, start + atMs, next, options));
    }
    await sleep(1);
  }
  return Promise.all(under);
}

async function send(
  pod: Client<typeof ProcessService>,
  due: number,
  nth: number,
  options: ReplayOptions,
): Promise<Replayed> {
  const sentAtMs = performance.timeOrigin + performance.now();
  let outcome: string;
  try {
    const text = `${nth} `.padEnd(textBytes, "x");
    outcome = (await pod.process({ text }, callOptions(options))).provider;
  } catch (error) {
    outcome = `error: ${ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.code ?? String(error)}`;
  }
  return { sentAtMs, latencyMs: performance.now() - due, outcome };
}

const callOptions = ({ authorization, timeoutMs }: ReplayOptions) => ({
  headers: { authorization },
  timeoutMs,
});
