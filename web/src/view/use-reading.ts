import type { Chat } from "@parley/client";
import { useEffect, useSyncExternalStore } from "react";
import { useMessenger } from "./use-messenger.ts";

/** Marks what has come as read while its end is in view, in a page that is being looked at. */
export function useReading(chat: Chat, isEndInView: boolean): void {
  const messenger = useMessenger();
  const isLookedAt = useSyncExternalStore(subscribe, () => document.visibilityState === "visible");
  const { id, lastNo, readNo } = chat;
  useEffect(() => {
    if (isEndInView && isLookedAt && lastNo > readNo) messenger.markRead(id, lastNo);
  }, [messenger, id, lastNo, readNo, isEndInView, isLookedAt]);
}

function subscribe(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}
