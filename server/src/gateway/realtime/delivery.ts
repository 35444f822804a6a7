/** One pass over consecutive events of a chat: encodes each once, and pushes each run of them to those who are there. */
import type { Event } from "@parley/api/v2/event";
import { eventFrames, eventJson } from "#gateway/realtime/event-page.ts";
import type { Subscriber } from "#gateway/realtime/subscriber.ts";

export class Delivery {
  readonly #events: readonly Event[];
  readonly #live: Set<Subscriber>;
  #json: string[] | undefined;
  #start = 0;
  /** Events times the subscribers that each was pushed to. */
  pushedEvents = 0;
  #newcomers: { subscriber: Subscriber; index: number }[] | undefined;

  constructor(events: readonly Event[], live: Set<Subscriber>) {
    this.#events = events;
    this.#live = live;
  }

  /** Becomes live by the event at this index, and gets that event first. */
  addNewcomer(subscriber: Subscriber, index: number): void {
    this.#newcomers ??= [];
    this.#newcomers.push({ subscriber, index });
  }

  /** Pushes what was not pushed yet of the events before this index. */
  pushUpTo(end: number): void {
    if (this.#live.size > 0 && end > this.#start) {
      const frames = this.#frames(this.#start, end);
      for (const subscriber of this.#live) for (const frame of frames) subscriber.push(frame);
      this.pushedEvents += this.#live.size * (end - this.#start);
    }
    for (const { subscriber, index } of this.#newcomers ?? []) {
      this.#live.add(subscriber);
      for (const frame of this.#frames(index, end)) subscriber.push(frame);
      this.pushedEvents += end - index;
    }
    this.#newcomers = undefined;
    this.#start = end;
  }

  #frames(start: number, end: number): Buffer[] {
    this.#json ??= this.#events.map(eventJson);
    return eventFrames(this.#json.slice(start, end));
  }
}
