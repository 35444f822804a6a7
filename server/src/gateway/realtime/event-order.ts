/** Puts the events of one chat into the order of their seq: each once, none before the one that precedes it. */
import type { Event } from "@parley/api/v2/event";

/** Events that wait for earlier ones; more are let go, and read from the log later. */
const maxHeldEvents = 1_000;

export class EventOrder {
  #lastSeq: number | undefined;
  #knownSeq = 0;
  #held: Map<number, Event> | undefined;

  /** The seq taken last; undefined until begin, and until then nothing but events without seq is taken. */
  get lastSeq(): number | undefined {
    return this.#lastSeq;
  }

  /** The greatest seq known to exist. */
  get knownSeq(): number {
    return Math.max(this.#knownSeq, this.#lastSeq ?? 0);
  }

  get isIncomplete(): boolean {
    return this.#lastSeq !== undefined && this.#lastSeq < this.#knownSeq;
  }

  /** Starts after this seq, or before the oldest event that waits: it may be letting somebody in. */
  begin(seq: number): void {
    const oldestHeld = Math.min(...(this.#held?.keys() ?? []));
    this.#lastSeq ??= Math.min(seq, oldestHeld - 1);
  }

  /** There is an event with this seq. */
  notice(seq: number): void {
    this.#knownSeq = Math.max(this.#knownSeq, seq);
  }

  /** Takes events in whatever order and however often they come; returns those that are next in order. */
  take(events: readonly Event[]): Event[] {
    const ready: Event[] = [];
    for (const event of events) {
      if (event.seq === undefined) {
        ready.push(event);
      } else if (this.#lastSeq !== undefined && event.seq === this.#lastSeq + 1) {
        ready.push(event);
        this.#lastSeq = event.seq;
      } else if (this.#lastSeq === undefined || event.seq > this.#lastSeq) {
        this.#hold(event, event.seq);
      }
    }
    if (this.#lastSeq !== undefined && this.#held?.size) this.#takeHeld(this.#held, this.#lastSeq, ready);
    return ready;
  }

  #takeHeld(held: Map<number, Event>, lastSeq: number, ready: Event[]) {
    let last = lastSeq;
    for (let next = held.get(last + 1); next; next = held.get(last + 1)) {
      ready.push(next);
      last += 1;
    }
    this.#lastSeq = last;
    for (const seq of held.keys()) if (seq <= last) held.delete(seq);
  }

  #hold(event: Event, seq: number) {
    this.notice(seq);
    this.#held ??= new Map();
    if (this.#held.size < maxHeldEvents) this.#held.set(seq, event);
  }
}
