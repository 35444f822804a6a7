/**
 * The queue of one chat's messages to send: in order, many in flight at once.
 *
 * A refusal that concerns the message itself takes it out and the queue goes on. After any other failure nothing more
 * is sent until all that is in flight has been answered; then everything unacknowledged is sent again from the first
 * on, with a window that starts at one and doubles with each acknowledgement. Sending twice is safe by the clientId.
 */
import type { Backoff } from "./backoff.ts";
import { isTokenRefused, isTransient, type ParleyError } from "./error.ts";
import type { OutboxEntry } from "./outbox-store.ts";
import type { Message } from "./shapes.ts";

export interface OutboxItem {
  readonly entry: OutboxEntry;
  order: number;
  /** Tries that ended in an error of the server's own. */
  faults: number;
  isSettled: boolean;
  readonly promise: Promise<Message>;
  resolve(message: Message): void;
  reject(error: ParleyError): void;
}

export type SendDone = (error: ParleyError | undefined, message: Message | undefined) => void;

export interface LaneOptions {
  maxInFlight(): number;
  backoff: Backoff;
  send(entry: OutboxEntry, done: SendDone): void;
  onSent(item: OutboxItem, message: Message): void;
  onFailed(item: OutboxItem, error: ParleyError): void;
  /** A send was answered, or a pause is over: there may be more to send. */
  onRoom(): void;
}

export interface Lane {
  /** Whether there is something to send, and room for it in the window. */
  readonly canSend: boolean;
  readonly isEmpty: boolean;
  push(item: OutboxItem): void;
  sendNext(): void;
  /** The connection is back: what was lost with it need not wait any longer. */
  wake(): void;
  /** Ends it: answers that still come are not heard. */
  stop(): void;
}

/** An error of the server's own may be this message's doing: it must not hold up the others for ever. */
const maxFaults = 5;

export function createLane(options: LaneOptions): Lane {
  let items: OutboxItem[] = [];
  let next = 0;
  let inFlight = 0;
  let window = Number.POSITIVE_INFINITY;
  let pause: ParleyError | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  // A message with attachments takes the server a step more, in which others could overtake it: it goes alone.
  let isAlone = false;

  function onAnswer(item: OutboxItem, error: ParleyError | undefined, message: Message | undefined): void {
    if (isStopped) return;
    inFlight--;
    if (message) {
      item.isSettled = true;
      window *= 2;
      options.backoff.reset();
      options.onSent(item, message);
    } else if (error && isRepeatable(item, error)) {
      pause = error;
    } else if (error) {
      item.isSettled = true;
      options.onFailed(item, error);
    }
    if (pause) {
      if (inFlight === 0) timer = setTimeout(rewind, options.backoff.nextMs(pause.retryAfterMs));
      return;
    }
    trim();
    options.onRoom();
  }

  function rewind(): void {
    clearTimeout(timer);
    timer = undefined;
    pause = undefined;
    items = items.filter(({ isSettled }) => !isSettled);
    next = 0;
    window = 1;
    options.onRoom();
  }

  /** Takes the answered ones off the front, now and then: an array shifts slowly. */
  function trim(): void {
    if (next < items.length && next < 256) return;
    let answered = 0;
    while (answered < next && items[answered]!.isSettled) answered++;
    items.splice(0, answered);
    next -= answered;
  }

  return {
    get canSend() {
      if (pause !== undefined || next >= items.length) return false;
      if (inFlight > 0 && (isAlone || hasAttachments(items[next]!))) return false;
      return inFlight < Math.min(window, options.maxInFlight());
    },
    get isEmpty() {
      return items.length === 0 && inFlight === 0;
    },
    push(item) {
      items.push(item);
    },
    sendNext() {
      const item = items[next++]!;
      if (item.isSettled) return;
      inFlight++;
      isAlone = hasAttachments(item);
      options.send(item.entry, (error, message) => onAnswer(item, error, message));
    },
    wake() {
      if (timer !== undefined && pause?.code === "network") rewind();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function hasAttachments({ entry }: OutboxItem): boolean {
  return entry.attachments.length > 0;
}

function isRepeatable(item: OutboxItem, error: ParleyError): boolean {
  if (isTransient(error) || isTokenRefused(error)) return true;
  // The session has ended, or the client is closing: the message stays until it is decided what becomes of it.
  if (error.code === "signed-out" || error.code === "closed") return true;
  return error.code === "internal" && ++item.faults < maxFaults;
}
