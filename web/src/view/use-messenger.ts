/** How components get at the messenger, and at the part of its state that they show. */
import { createContext, use, useSyncExternalStore } from "react";
import type { AppState } from "../state/app-state.ts";
import type { Messenger } from "../state/messenger.ts";

export const MessengerContext = createContext<Messenger | undefined>(undefined);

export function useMessenger(): Messenger {
  const messenger = use(MessengerContext);
  if (!messenger) throw new Error("MessengerContext is missing");
  return messenger;
}

/** `select` must return a part of the state, not something made of it: React compares by identity. */
export function useAppState<T>(select: (state: AppState) => T): T {
  const { store } = useMessenger();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
