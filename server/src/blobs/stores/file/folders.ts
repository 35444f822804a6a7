/** The folders of a file store: each is made once, and what is in it is made durable for all who wait at the same time. */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export interface Folders {
  /** Resolves once it is there, for now: an empty one may be taken away at any moment. */
  ensure(path: string): Promise<void>;
  /** Resolves once its own name is durable, and those above it that were made with it. */
  settle(path: string): Promise<void>;
  /** It was taken away. */
  forget(path: string): void;
  /** Resolves once all names are durable that were in it when this was called. */
  sync(path: string): Promise<void>;
}

interface Known {
  made: Promise<void>;
  settled: Promise<void>;
}

interface Syncing {
  running: Promise<void>;
  /** Begins when the running one has ended: that may not have seen the latest names. */
  next: Promise<void> | undefined;
}

/** Objects of one time are in one folder or two; the rest is for a clock that was set. */
const maxKnown = 100;

export function createFolders(): Folders {
  const known = new Map<string, Known>();
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

  function find(path: string): Known {
    const found = known.get(path);
    if (found) return found;
    if (known.size >= maxKnown) known.clear();
    const top = makeFolder(path);
    const entry = { made: top.then(() => {}), settled: top.then((above) => syncAbove(path, above)) };
    known.set(path, entry);
    const forgetFailed = () => {
      if (known.get(path) === entry) known.delete(path);
    };
    // Also where nobody waits for the one or the other.
    entry.made.catch(forgetFailed);
    entry.settled.catch(forgetFailed);
    return entry;
  }

  return {
    ensure: (path) => find(path).made,
    settle: (path) => find(path).settled,
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

/** With all that is above it and was not there; answers what was there before. */
async function makeFolder(path: string): Promise<string> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  // Somebody else may have made it just now, and not synced it yet.
  return dirname(first ?? path);
}

/** Names above those that were made are as durable as they were. */
async function syncAbove(path: string, top: string): Promise<void> {
  for (let folder = path; folder !== top && folder !== dirname(folder); ) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
}

/** Resolves once it is there, durably. */
export async function makeDurableFolder(path: string): Promise<void> {
  await syncAbove(path, await makeFolder(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
