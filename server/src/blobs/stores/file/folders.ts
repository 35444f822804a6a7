/** The folders of a file store: each is made once, and what is in it is made durable for all who wait at the same time. */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export interface Folders {
  /** Resolves once it is there, durably. */
  ensure(path: string): Promise<void>;
  /** It was taken away. */
  forget(path: string): void;
  /** Resolves once all names are durable that were in it when this was called. */
  sync(path: string): Promise<void>;
}

interface Syncing {
  running: Promise<void>;
  /** Begins when the running one has ended: that may not have seen the latest names. */
  next: Promise<void> | undefined;
}

/** Objects of one time are in one folder or two; the rest is for a clock that was set. */
const maxKnown = 100;

export function createFolders(): Folders {
  const known = new Map<string, Promise<void>>();
  const syncs = new Map<string, Syncing>();

  function begin(path: string): Promise<void> {
    const entry: Syncing = { running: syncFolder(path), next: undefined };
    syncs.set(path, entry);
    const end = () => {
      if (syncs.get(path) === entry && !entry.next) syncs.delete(path);
    };
    entry.running.then(end, end);
    return entry.running;
  }

  return {
    async ensure(path) {
      let making = known.get(path);
      if (!making) {
        if (known.size >= maxKnown) known.clear();
        making = makeFolder(path);
        known.set(path, making);
      }
      try {
        await making;
      } catch (error) {
        if (known.get(path) === making) known.delete(path);
        throw error;
      }
    },
    forget: (path) => void known.delete(path),
    sync(path) {
      const entry = syncs.get(path);
      if (!entry) return begin(path);
      const beginNext = () => begin(path);
      entry.next ??= entry.running.then(beginNext, beginNext);
      return entry.next;
    },
  };
}

/** With all that is above it and was not there. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  // Names above those that were made are as durable as they were. Somebody else may have made it just now, and not synced it yet.
  const top = dirname(first ?? path);
  for (let folder = path; folder !== top && folder !== dirname(folder); ) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
