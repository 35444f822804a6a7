/** Consecutive events of one chat, and the frames that push them. */
import { type Event, EventSchema } from "@parley/api/v2/event";
import { encodeJson } from "#gateway/json/json-encoder.ts";
import { textFrame } from "#gateway/realtime/text-frame.ts";

/** A frame holds more only when a single event is larger. */
const maxFrameChars = 48 * 1_024;

export const eventJson = (event: Event): string => encodeJson(EventSchema, event);

/** The frames that push these events, each to be shared by all sockets. */
export function eventFrames(json: readonly string[]): Buffer[] {
  const frames: Buffer[] = [];
  let start = 0;
  let chars = 0;
  for (let index = 0; index < json.length; index++) {
    if (index > start && chars + json[index]!.length > maxFrameChars) {
      frames.push(joined(json.slice(start, index)));
      start = index;
      chars = 0;
    }
    chars += json[index]!.length;
  }
  if (start < json.length) frames.push(joined(start === 0 ? json : json.slice(start)));
  return frames;
}

const joined = (json: readonly string[]) => textFrame(`{"events":[${json.join(",")}]}`);

/** Read once from the messenger, and pushed to any number of sockets that need the same or a part of it. */
export class EventPage {
  readonly events: readonly Event[];
  /** The chat's latest seq when this was read. */
  readonly lastSeq: number;
  #json: string[] | undefined;
  readonly #frames = new Map<string, Buffer[]>();

  constructor(events: readonly Event[], lastSeq: number) {
    this.events = events;
    this.lastSeq = lastSeq;
  }

  /** Frames of the events from index `from` to before `to`. */
  frames(from: number, to: number): readonly Buffer[] {
    const key = `${from}-${to}`;
    let frames = this.#frames.get(key);
    if (!frames) {
      this.#json ??= this.events.map(eventJson);
      frames = eventFrames(this.#json.slice(from, to));
      this.#frames.set(key, frames);
    }
    return frames;
  }
}
