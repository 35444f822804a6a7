/**
 * Several routes of one server side by side, each on a fixed schedule, and how each was answered: for a server some of
 * whose answers are errors. A request that finds no connection free opens another one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  getRequest,
  type HttpConnection,
  type HttpTarget,
  openHttpConnection,
  StatusError,
} from "./http-connection.ts";
import type { LoadRequestOptions } from "./http-load.ts";
import { createLatencyRecorder, type LatencyRecorder, type LatencySummary } from "./latency.ts";
import { createRandom, poissonSchedule } from "./schedule.ts";

export interface RouteWatchOptions extends HttpTarget {
  routes: WatchedRoute[];
  /** How long requests are made. */
  durationMs: number;
  seed: number;
  /** Ends it early: so many answers of a route have had this outcome. */
  until?: { route: string; outcome: string; count: number };
}

export interface WatchedRoute {
  name: string;
  requests: LoadRequestOptions[];
  requestsPerSecond: number;
}

export interface RouteWatchResult {
  routes: Record<string, Record<string, OutcomeSummary>>;
  /** Requests without an answer a second after the last one was due, or when `until` had come. */
  unanswered: Record<string, number>;
  /** From when a request was due to when it was made: what of the latencies is the generator's own. */
  lateness: LatencySummary;
  /** Whether `until` has come. */
  isDone: boolean;
}

/** Of the answers with one outcome: "200", or the status and the code of the problem, e.g. "503 circuit-open". */
export interface OutcomeSummary {
  /** When the first one came, on the clock of the day, in milliseconds. */
  firstAtMs: number;
  /** From when a request was due to the end of its answer. */
  latency: LatencySummary;
}

const maxUnderWay = 2_000;
/** After the schedule; whoever has no answer by then is counted as such. */
const drainTimeoutMs = 1_000;

export async function watchRoutes(options: RouteWatchOptions): Promise<RouteWatchResult> {
  const pool = createConnectionPool(options);
  const seen = createOutcomes(options.until);
  const start = performance.now();
  const endsAt = start + options.durationMs;
  const unanswered = Object.fromEntries(options.routes.map(({ name }) => [name, 0]));
  const lateness = createLatencyRecorder();
  let underWay = 0;
  let isOver = false;
  const ask = async (route: string, request: Buffer, dueAt: number) => {
    lateness.record(performance.now() - dueAt);
    underWay++;
    unanswered[route]!++;
    const outcome = await pool.ask(request);
    // What the end has cut off is not an answer.
    if (isOver) return;
    underWay--;
    unanswered[route]!--;
    seen.note(route, outcome, performance.now() - dueAt);
  };
  const play = async ({ name, requests, requestsPerSecond }: WatchedRoute, seed: number) => {
    const framed = requests.map(({ path, headers }) => getRequest(path, headers));
    const random = createRandom(seed);
    const offsets = poissonSchedule({
      ratePerSecond: requestsPerSecond,
      durationMs: options.durationMs,
      seed,
    });
    for (let index = 0; index < offsets.length && !seen.isDone(); await sleep(1)) {
      for (; index < offsets.length && start + offsets[index]! <= performance.now(); index++) {
        if (underWay >= maxUnderWay) throw new Error(`more than ${maxUnderWay} requests are under way`);
        void ask(name, framed[Math.floor(random() * framed.length)]!, start + offsets[index]!);
      }
    }
  };
  try {
    await Promise.all(options.routes.map((route, index) => play(route, options.seed * 100 + index)));
    while (underWay > 0 && !seen.isDone() && performance.now() < endsAt + drainTimeoutMs) await sleep(2);
  } finally {
    isOver = true;
    pool.close();
  }
  return { routes: seen.summary(), unanswered, lateness: lateness.summary(), isDone: seen.isDone() };
}

function createConnectionPool(target: HttpTarget) {
  const idle: HttpConnection[] = [];
  const all = new Set<HttpConnection>();
  return {
    /** Resolves to the outcome; never rejects. */
    async ask(request: Buffer): Promise<string> {
      let connection = idle.pop();
      try {
        connection ??= await openHttpConnection(target);
        all.add(connection);
        await connection.get(request);
        idle.push(connection);
        return "200";
      } catch (error) {
        if (!(error instanceof StatusError) || !connection) return "no answer";
        idle.push(connection);
        return [error.status, /"code": *"([\w-]+)"/.exec(error.body)?.[1] ?? ""].join(" ").trimEnd();
      }
    },
    close() {
      for (const connection of all) connection.close();
    },
  };
}

function createOutcomes(until: RouteWatchOptions["until"]) {
  const routes = new Map<string, Map<string, { firstAtMs: number; recorder: LatencyRecorder }>>();
  let awaited = until?.count ?? Number.POSITIVE_INFINITY;
  const of = (route: string, outcome: string) => {
    const outcomes = routes.get(route) ?? new Map<string, { firstAtMs: number; recorder: LatencyRecorder }>();
    routes.set(route, outcomes);
    const one = outcomes.get(outcome) ?? { firstAtMs: Date.now(), recorder: createLatencyRecorder() };
    outcomes.set(outcome, one);
    return one;
  };
  return {
    isDone: () => awaited <= 0,
    note(route: string, outcome: string, latencyMs: number) {
      of(route, outcome).recorder.record(latencyMs);
      if (until?.route === route && until.outcome === outcome) awaited--;
    },
    summary: () =>
      Object.fromEntries(
        [...routes].map(([route, outcomes]) => [
          route,
          Object.fromEntries(
            [...outcomes].map(([outcome, { firstAtMs, recorder }]) => [
              outcome,
              { firstAtMs, latency: recorder.summary() },
            ]),
          ),
        ]),
      ),
  };
}
