/** A service that hangs: how fast its circuit says no, and what callers of another service notice. */
import { setTimeout as sleep } from "node:timers/promises";
import { cheapPasswords } from "../accounts.ts";
import { atMost, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import type { OutcomeSummary, RouteWatchOptions, RouteWatchResult } from "../load/route-watch.ts";
import { type ClusterProcess, startCluster } from "../process/cluster-process.ts";
import { type LoadProcess, startLoadProcess } from "../process/load-process.ts";
import { tell } from "../progress.ts";
import { repeat, repeated } from "../statistics.ts";
import { createPairs, type Pair } from "./people.ts";

const pairCount = 40;
const rounds = 3;
const rates = { chats: 50, users: 200 };
const targets = { refusalP99Ms: 5, otherRouteShare: 1.2 };
const phaseTimeoutMs = 40_000;
/** So many in a row of what is waited for; a single one may be a probe's. */
const awaitedAnswers = 20;
const refusal = "503 circuit-open";
/** Requests that may be under way when a run ends early. */
const maxCutOff = 10;
/** Between the beginning of the load and the freezing. */
const leadMs = 200;

export const hungCase: BenchCase = {
  name: "hung",
  about: "the messenger frozen: refusals of its open circuit, and another service's answers meanwhile",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  await using cluster = await startCluster({
    gateways: 1,
    settings: { ...cheapPasswords, PARLEY_CACHE: "off" },
  });
  const pairs = await createPairs(cluster.gateways[0]!.url, pairCount);
  await using load = startLoadProcess();
  const watch = createWatch(load, cluster, pairs);
  await watch({ durationMs: options.windowMs });
  const runs = await repeat(rounds, () => measureRound(watch, cluster, options.windowMs));
  return {
    measures: measuresOf(runs),
    notes: [
      `${rounds} rounds: both routes with all well, then the messenger frozen (SIGSTOP) and thawed (SIGCONT). Open loop with Poisson schedules: GET /v2/chats/{id} (messenger) ${rates.chats}/s, GET /v2/users/me (identity) ${rates.users}/s, by different people; cache off, settings of the circuit as they are by default.`,
      `Answers of the messenger's route with the circuit open: ${countsText(runs.map(({ open }) => open))}. Those that are not ${refusal} should be the probes, which hang with the messenger.`,
      `Of the latencies are the generator's own, p99: ${latenessText(runs, "before")} before, ${latenessText(runs, "open")} meanwhile.`,
      `Answers of the messenger's route between the freezing and the opening: ${countsText(runs.map(({ opening }) => opening))}.`,
    ],
  };
}

type Watch = (options: Pick<RouteWatchOptions, "durationMs" | "until">) => Promise<RouteWatchResult>;

/** Different people ask for the one and the other: calls of one person that hang take that person's turns. */
function createWatch(load: LoadProcess, cluster: ClusterProcess, pairs: readonly Pair[]): Watch {
  const headersOf = ({ accessToken }: { accessToken: string }) => ({
    authorization: `Bearer ${accessToken}`,
  });
  const chats = pairs.map(({ chatId, people }) => ({
    path: `/v2/chats/${chatId}`,
    headers: headersOf(people[0]),
  }));
  const users = pairs.map(({ people }) => ({ path: "/v2/users/me", headers: headersOf(people[1]) }));
  let seed = 0;
  return ({ durationMs, until }) =>
    load.call("watchRoutes", {
      host: "127.0.0.1",
      port: Number(new URL(cluster.gateways[0]!.url).port),
      routes: [
        { name: "chats", requests: chats, requestsPerSecond: rates.chats },
        { name: "users", requests: users, requestsPerSecond: rates.users },
      ],
      durationMs,
      seed: ++seed,
      ...(until ? { until } : {}),
    });
}

interface Round {
  before: RouteWatchResult;
  /** From the freezing until the circuit had opened. */
  opening: RouteWatchResult;
  open: RouteWatchResult;
  openedAfterMs: number;
  answersAfterMs: number;
}

async function measureRound(watch: Watch, cluster: ClusterProcess, windowMs: number): Promise<Round> {
  const before = await watch({ durationMs: windowMs * 2 });
  const opening = watch(untilAnswered(refusal));
  await sleep(leadMs);
  const frozenAtMs = Date.now();
  cluster.messenger.signal("SIGSTOP");
  try {
    const openedAfterMs = firstAnswer(await opening, refusal) - frozenAtMs;
    const open = await watch({ durationMs: windowMs * 2 });
    const thawing = watch(untilAnswered("200"));
    await sleep(leadMs);
    const thawedAtMs = Date.now();
    cluster.messenger.signal("SIGCONT");
    const answersAfterMs = firstAnswer(await thawing, "200") - thawedAtMs;
    tell(`hung: opened after ${openedAfterMs} ms, answers ${answersAfterMs} ms after it was over`);
    return { before, opening: await opening, open, openedAfterMs, answersAfterMs };
  } finally {
    cluster.messenger.signal("SIGCONT");
  }
}

const untilAnswered = (outcome: string) => ({
  durationMs: phaseTimeoutMs,
  until: { route: "chats", outcome, count: awaitedAnswers },
});

function firstAnswer(result: RouteWatchResult, outcome: string): number {
  const summary = result.routes.chats?.[outcome];
  if (!result.isDone || !summary)
    throw new Error(`not answered with ${outcome} within ${phaseTimeoutMs} ms: ${countsText([result])}`);
  return summary.firstAtMs;
}

function measuresOf(runs: readonly Round[]): Measure[] {
  const of = (phase: "before" | "opening" | "open", route: string, outcome: string) =>
    runs.map((run) => outcomeOf(run[phase], route, outcome));
  const percentile = (summaries: readonly OutcomeSummary[], name: "p50Ms" | "p99Ms") =>
    repeated(summaries.map(({ latency }) => latency[name]));
  const refusals = of("open", "chats", refusal);
  const before = percentile(of("before", "users", "200"), "p99Ms");
  const others = (name: string, phase: "opening" | "open"): Measure => {
    const value = percentile(of(phase, "users", "200"), "p99Ms");
    return {
      name,
      unit: "ms",
      value,
      floor: { name: "the same before", value: before },
      target: {
        text: "≤ 120 % of before",
        isMet: value.median <= before.median * targets.otherRouteShare && allAnswered(runs, phase),
      },
    };
  };
  const refusalP99 = percentile(refusals, "p99Ms");
  return [
    {
      name: "a service hangs: its open circuit's 503, p50",
      unit: "ms",
      value: percentile(refusals, "p50Ms"),
    },
    {
      name: "a service hangs: its open circuit's 503, p99",
      unit: "ms",
      value: refusalP99,
      target: atMost(targets.refusalP99Ms, refusalP99.median, "ms"),
    },
    others("  another service's route meanwhile, p99", "open"),
    others("  another service's route until it opened, p99", "opening"),
    {
      name: "  from the freezing to the first refusal",
      unit: "s",
      value: repeated(runs.map(({ openedAfterMs }) => openedAfterMs / 1_000)),
    },
    {
      name: "  from the thawing to the first answer",
      unit: "s",
      value: repeated(runs.map(({ answersAfterMs }) => answersAfterMs / 1_000)),
    },
  ];
}

function latenessText(runs: readonly Round[], phase: "before" | "open"): string {
  return `${repeated(runs.map((run) => run[phase].lateness.p99Ms)).median.toFixed(1)} ms`;
}

function outcomeOf(result: RouteWatchResult, route: string, outcome: string): OutcomeSummary {
  const summary = result.routes[route]?.[outcome];
  if (!summary) throw new Error(`no answer of ${route} was ${outcome}`);
  return summary;
}

/** Latencies of answers say nothing about requests that had none; of those a run ends in the midst of, a few. */
function allAnswered(runs: readonly Round[], phase: "opening" | "open"): boolean {
  return runs.every(({ [phase]: { routes, unanswered } }) => {
    const outcomes = Object.keys(routes.users ?? {});
    return outcomes.join() === "200" && (unanswered.users ?? 0) <= (phase === "open" ? 0 : maxCutOff);
  });
}

function countsText(results: readonly RouteWatchResult[]): string {
  const counts = new Map<string, number>();
  for (const { routes, unanswered } of results) {
    for (const [outcome, { latency }] of Object.entries(routes.chats ?? {}))
      counts.set(outcome, (counts.get(outcome) ?? 0) + latency.count);
    const none = unanswered.chats ?? 0;
    if (none > 0) counts.set("no answer yet", (counts.get("no answer yet") ?? 0) + none);
  }
  return [...counts].map(([outcome, count]) => `${count} × ${outcome}`).join(", ") || "none";
}
