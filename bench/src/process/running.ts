/** What runs besides single child processes, and has to be stopped however the benchmark ends. */
import { tell } from "../progress.ts";

const running = new Set<() => Promise<void>>();

/** Wraps a stop: it happens once, also when the benchmark is interrupted before anybody asks for it. */
export function stoppable(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  const once = () => {
    stopped ??= stop().finally(() => running.delete(once));
    return stopped;
  };
  running.add(once);
  return once;
}

export async function stopRunning(): Promise<void> {
  const results = await Promise.allSettled([...running].map((stop) => stop()));
  for (const result of results) if (result.status === "rejected") tell(`not stopped: ${result.reason}`);
}
