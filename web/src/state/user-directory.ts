/** Looks up the people whose names are needed, many at a time, each once. */
import type { ParleyClient, User } from "@parley/client";
import type { AppState } from "./app-state.ts";
import type { Store } from "./store.ts";

export interface UserDirectory {
  need(userIds: Iterable<string>): void;
  put(users: readonly User[]): void;
  /** Forgets what could not be found, so that it is looked up again. */
  reset(): void;
}

const maxIds = 100;

export function createUserDirectory(parley: ParleyClient, store: Store<AppState>): UserDirectory {
  const asked = new Set<string>();
  const wanted: string[] = [];

  function put(users: readonly User[]): void {
    if (users.length === 0) return;
    store.update((state) => ({
      ...state,
      users: new Map([...state.users, ...users.map((user) => [user.id, user] as const)]),
    }));
  }

  async function lookUp(): Promise<void> {
    while (wanted.length > 0) {
      const ids = wanted.splice(0, maxIds);
      try {
        put(await parley.listUsers({ ids }, { limit: maxIds }));
      } catch {
        // Names are shown when they are next needed.
        for (const id of ids) asked.delete(id);
      }
    }
  }

  return {
    need(userIds) {
      const before = wanted.length;
      for (const id of userIds) {
        if (id === "" || asked.has(id) || store.get().users.has(id)) continue;
        asked.add(id);
        wanted.push(id);
      }
      if (before === 0 && wanted.length > 0) queueMicrotask(lookUp);
    },
    put,
    reset: () => asked.clear(),
  };
}
