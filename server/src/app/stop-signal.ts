/**
 * Ctrl-C and SIGTERM ask for a graceful stop; asked again, Parley ends at once. A terminal's Ctrl-C may arrive
 * twice (from the terminal and from npm), so a repetition within a second counts as the same request.
 */
const sameRequestMs = 1_000;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
  /** Resolves when the stop is asked for. */
  readonly requested: Promise<void>;
}

export function waitForStopSignal(): StopSignal {
  const controller = new AbortController();
  const requested = new Promise<void>((resolve) => {
    controller.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let firstAt: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    firstAt ??= now;
    if (now - firstAt > sameRequestMs) process.exit(1);
    controller.abort(new Error("stopped by a signal"));
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    requested,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
