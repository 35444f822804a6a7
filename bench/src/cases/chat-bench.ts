/** The runs that the cases about messages are made of, against Parley or a floor. */

import type { OpenChatsOptions } from "../load/chat-members.ts";
import type { ChatLoad } from "../load/chat-run.ts";
import { type Inspector, openInspector } from "../process/inspector.ts";
import { startLoadProcess } from "../process/load-process.ts";
import { type ObservedRun, observeRun } from "../process/observed-run.ts";
import { tell } from "../progress.ts";
import type { HistoryCheck } from "./people.ts";
import { findSustainedRate, shortfall } from "./sustained-rate.ts";

export interface ChatBenchOptions {
  /** Shown in the progress, and part of the client ids. */
  name: string;
  /** With several URLs, the sockets of each chat are spread over them. */
  server: { pid: number; socketUrls: readonly string[]; inspectorUrl?: string | undefined };
  chats: OpenChatsOptions["chats"];
  windowMs: number;
}

export interface ChatBench extends AsyncDisposable {
  closedLoop(inFlight: number, options?: { profile?: boolean }): Promise<ObservedRun>;
  openLoop(messagesPerSecond: number): Promise<ObservedRun>;
  /** The run at the highest rate that was sustained; undefined when none was. */
  findLimit(startPerSecond: number): Promise<{ ratePerSecond: number; run: ObservedRun } | undefined>;
  /** What the history has to hold after all runs. */
  historyCheck(): HistoryCheck;
}

const warmupMs = 500;
const drainTimeoutMs = 10_000;
const maxBehindMs = 1_500;
const searchStep = 1.08;
const maxProbes = 7;

export async function openChatBench(options: ChatBenchOptions): Promise<ChatBench> {
  const { name, server, chats } = options;
  const load = startLoadProcess();
  const acknowledged = new Map<string, number>();
  let undecided = 0;
  let runs = 0;
  async function run(chatLoad: ChatLoad, inspector?: Inspector): Promise<ObservedRun> {
    const result = await observeRun(
      { load, serverPid: server.pid, inspector },
      {
        name: `${name}-${++runs}`,
        load: chatLoad,
        warmupMs,
        windowMs: options.windowMs,
        drainTimeoutMs,
        seed: runs,
      },
    );
    undecided += result.sent - result.acknowledged;
    for (const [chatId, count] of Object.entries(result.acknowledgedByChat)) {
      acknowledged.set(chatId, (acknowledged.get(chatId) ?? 0) + count);
    }
    return result;
  }
  const openLoop = (messagesPerSecond: number) => run({ messagesPerSecond, maxBehindMs });
  try {
    await load.call("openChats", { urls: server.socketUrls, chats });
  } catch (error) {
    await load[Symbol.asyncDispose]();
    throw error;
  }
  return {
    async closedLoop(inFlight, { profile = false } = {}) {
      if (!profile) return run({ inFlight });
      using inspector = await openInspector(server.inspectorUrl);
      return await run({ inFlight }, inspector);
    },
    openLoop,
    findLimit: (startPerSecond) => findLimit(name, startPerSecond, openLoop),
    historyCheck: () => ({ acknowledged, undecided }),
    [Symbol.asyncDispose]: () => load[Symbol.asyncDispose](),
  };
}

async function findLimit(name: string, startPerSecond: number, openLoop: ChatBench["openLoop"]) {
  const sustained = new Map<number, ObservedRun>();
  const ratePerSecond = await findSustainedRate({
    startPerSecond,
    step: searchStep,
    maxProbes,
    async probe(rate) {
      const run = await openLoop(rate);
      const problem = shortfall(run, rate);
      tell(
        `${name}: ${rate} msg/s ${problem ? `not sustained: ${problem}` : "sustained"}, p99 ${Math.round(run.delivery.p99Ms)} ms`,
      );
      if (!problem) sustained.set(rate, run);
      return !problem;
    },
  });
  return ratePerSecond === undefined ? undefined : { ratePerSecond, run: sustained.get(ratePerSecond)! };
}
