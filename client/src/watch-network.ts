/** What browsers know of the network: no reason to wait for a dead socket's timeout, or to sit out a back-off. */
import type { Realtime } from "./realtime.ts";

/** Returns the function that ends it. */
export function watchNetwork(realtime: Pick<Realtime, "wake" | "abandon">): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => {};
  const ending = new AbortController();
  const { signal } = ending;
  window.addEventListener("online", realtime.wake, { signal });
  window.addEventListener("offline", realtime.abandon, { signal });
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.visibilityState === "visible") realtime.wake();
    },
    { signal },
  );
  return () => ending.abort();
}
