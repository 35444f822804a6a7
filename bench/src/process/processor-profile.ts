/** Where a server's time goes: a processor profile of one run, and the functions in which most of it was spent. */
import type { Inspector } from "./inspector.ts";

/** As the inspector gives it; a .cpuprofile file holds the same. */
export interface ProcessorProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

export interface FunctionShare {
  name: string;
  /** Of the time that the process was not idle, in the function itself. */
  share: number;
}

const samplingIntervalUs = 500;

/** Starts profiling; the function returned ends it. */
export async function startProfile(inspector: Inspector): Promise<() => Promise<ProcessorProfile>> {
  await inspector.call("Profiler.enable");
  await inspector.call("Profiler.setSamplingInterval", { interval: samplingIntervalUs });
  await inspector.call("Profiler.start");
  return async () => (await inspector.call<{ profile: ProcessorProfile }>("Profiler.stop")).profile;
}

function heaviestFunctions(profile: ProcessorProfile, count: number): FunctionShare[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfUs = new Map<string, number>();
  let busyUs = 0;
  for (const [index, nodeId] of profile.samples.entries()) {
    const name = names.get(nodeId) ?? "";
    if (name === "(idle)") continue;
    const us = profile.timeDeltas[index] ?? 0;
    busyUs += us;
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
  }
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, us]) => ({ name, share: us / busyUs }));
}

function nameOf({ functionName, url, lineNumber }: ProcessorProfile["nodes"][number]["callFrame"]): string {
  const name = functionName || "(anonymous)";
  if (!url) return name;
  const path = url.replace(/^file:\/\//, "").replace(/^.*\/(node_modules|server\/src|api\/gen)\//, "$1/");
  return `${name} ${path}:${lineNumber + 1}`;
}

const shownFunctions = 25;

/** As a part of a case's result. */
export function profileOf(profile: ProcessorProfile | undefined): { profile?: FunctionShare[] } {
  return profile ? { profile: heaviestFunctions(profile, shownFunctions) } : {};
}
