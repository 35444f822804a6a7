/** How much more a spool may take: by its own limit, and by what is free on its disk. */
export interface SpoolRoom {
  /** Undefined: of a size that is not known, for which there is none. */
  isEnoughFor(size: number | undefined): boolean;
  taken(bytes: number): void;
  freed(bytes: number): void;
  /** The disk, or the account, had less than it said. */
  wasFull(): void;
  /** What the database and the disk say. */
  correct(known: { waitingBytes: number; freeBytes: number }): void;
}

/** Left for everything else on that disk. */
const sparedBytes = 67_108_864;
const fullForMs = 10_000;

export function createSpoolRoom(maxBytes: number): SpoolRoom {
  let waitingBytes = 0;
  let freeBytes = 0;
  let fullUntilMs = 0;
  return {
    isEnoughFor(size) {
      if (size === undefined || performance.now() < fullUntilMs) return false;
      return waitingBytes + size <= maxBytes && size + sparedBytes <= freeBytes;
    },
    taken(bytes) {
      waitingBytes += bytes;
      freeBytes -= bytes;
    },
    freed(bytes) {
      waitingBytes = Math.max(0, waitingBytes - bytes);
      freeBytes += bytes;
    },
    wasFull() {
      fullUntilMs = performance.now() + fullForMs;
    },
    correct(known) {
      ({ waitingBytes, freeBytes } = known);
    },
  };
}
