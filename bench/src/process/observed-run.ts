/** A run of the load with what it cost the server, and a profile of it where that is asked for. */
import type { ChatRunResult } from "../load/chat-load.ts";
import type { RunChatsOptions } from "../load/chat-run.ts";
import type { Inspector } from "./inspector.ts";
import type { LoadProcess } from "./load-process.ts";
import { type ProcessorProfile, startProfile } from "./processor-profile.ts";
import { measureProcessorUse } from "./processor-use.ts";

export interface ObservedRun extends ChatRunResult {
  /** Processor time by message, in microseconds; undefined where it cannot be read. */
  cost: MessageCost | undefined;
  profile: ProcessorProfile | undefined;
}

export interface MessageCost {
  serverUs: number;
  /** The server's child processes: PostgreSQL. */
  databaseUs: number;
  generatorUs: number;
}

export interface RunTarget {
  load: LoadProcess;
  serverPid: number;
  /** Given: the run is profiled. */
  inspector?: Inspector | undefined;
}

export async function observeRun(target: RunTarget, options: RunChatsOptions): Promise<ObservedRun> {
  const processor = await measureProcessorUse(target.serverPid);
  const stopProfile = target.inspector ? await startProfile(target.inspector) : undefined;
  const result = await target.load.call("runChats", options);
  const profile = await stopProfile?.();
  const used = await processor();
  const perMessage = (milliseconds: number) => (milliseconds * 1_000) / Math.max(1, result.sent);
  const cost = used && {
    serverUs: perMessage(used.ownMs),
    databaseUs: perMessage(used.descendantsMs),
    generatorUs: perMessage(result.generatorCpuMs),
  };
  return { ...result, cost, profile };
}

export function costNote({ cost }: ObservedRun, what: string): string[] {
  if (!cost) return [];
  const us = (value: number) => `${Math.round(value)} µs`;
  const { serverUs, databaseUs, generatorUs } = cost;
  return [
    `Processor time for each message ${what}: server ${us(serverUs)}, PostgreSQL ${us(databaseUs)}, generator ${us(generatorUs)}.`,
  ];
}
