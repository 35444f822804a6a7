/** Wakes many things, each every now and then, on one timer: the sockets' pings, expiries and positions. */
export interface Wakeable {
  /** Where it waits; the wheel's own, undefined at first. */
  wheelSlot: Set<Wakeable> | undefined;
  /** Answers in how many seconds to be woken again; 0 for never. */
  wake(nowMs: number): number;
}

const slotCount = 64;

/** The longest wait; who wants a longer one asks again after it. */
const maxWaitSeconds: number = slotCount - 1;

/** Precise to one second. */
export class TimerWheel {
  readonly #slots: Set<Wakeable>[] = Array.from({ length: slotCount }, () => new Set());
  #position = 0;

  /** Replaces the wakeable's former time, if it had one. */
  schedule(wakeable: Wakeable, seconds: number): void {
    this.cancel(wakeable);
    const wait = Math.min(maxWaitSeconds, Math.max(1, Math.ceil(seconds)));
    wakeable.wheelSlot = this.#slots[(this.#position + wait) % slotCount]!.add(wakeable);
  }

  cancel(wakeable: Wakeable): void {
    wakeable.wheelSlot?.delete(wakeable);
    wakeable.wheelSlot = undefined;
  }

  /** To be called once a second. */
  tick(nowMs: number): void {
    this.#position = (this.#position + 1) % slotCount;
    for (const wakeable of [...this.#slots[this.#position]!]) {
      this.cancel(wakeable);
      const seconds = wakeable.wake(nowMs);
      if (seconds > 0) this.schedule(wakeable, seconds);
    }
  }
}
