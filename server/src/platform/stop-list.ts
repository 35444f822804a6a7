import type { Log } from "#platform/log.ts";

/** What was started, to be stopped in the reverse order; one that fails to stop does not keep the others up. */
export interface StopList {
  add(name: string, stop: () => Promise<void>): void;
  run(): Promise<void>;
}

export function createStopList(log: Log): StopList {
  const entries: { name: string; stop: () => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const stopAll = async () => {
    for (const { name, stop } of entries.reverse()) {
      try {
        await stop();
      } catch (error) {
        log.error({ err: error, name }, "did not stop cleanly");
      }
    }
  };
  return {
    add: (name, stop) => void entries.push({ name, stop }),
    run: () => (running ??= stopAll()),
  };
}
