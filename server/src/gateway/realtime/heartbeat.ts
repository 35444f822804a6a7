/** When a socket is to be pinged, found dead, told its positions, or ended because its token expired. */
import type { SocketConfig } from "#gateway/realtime/config.ts";
import type { Feed, Subscriber } from "#gateway/realtime/subscriber.ts";
import { textFrame } from "#gateway/realtime/text-frame.ts";

type Times = Pick<SocketConfig, "PARLEY_WS_PING_SECONDS" | "PARLEY_WS_PONG_SECONDS">;

export class Heartbeat {
  #pingedAtMs: number;
  #isAwaitingLife = false;

  constructor(nowMs: number) {
    this.#pingedAtMs = nowMs;
  }

  /** Something came from the client. */
  noteLife(): void {
    this.#isAwaitingLife = false;
  }

  /** What the time has come for. "ping" counts as done. */
  due(times: Times, nowMs: number): "ping" | "dead" | undefined {
    const silentMs = nowMs - this.#pingedAtMs;
    if (this.#isAwaitingLife && silentMs >= times.PARLEY_WS_PONG_SECONDS * 1_000) return "dead";
    if (silentMs < times.PARLEY_WS_PING_SECONDS * 1_000) return undefined;
    this.#pingedAtMs = nowMs;
    this.#isAwaitingLife = true;
    return "ping";
  }

  /** When something may be due next. */
  nextAtMs(times: Times): number {
    const seconds = this.#isAwaitingLife ? times.PARLEY_WS_PONG_SECONDS : times.PARLEY_WS_PING_SECONDS;
    return this.#pingedAtMs + seconds * 1_000;
  }
}

/** Up to where each chat was pushed that had events since then; undefined when none had. */
export function positionsFrame(subscriber: Subscriber, sinceMs: number): Buffer | undefined {
  const isTold = (feed: Feed) =>
    feed.lastSeq !== undefined && feed.lastEventAtMs >= sinceMs && feed.isLive(subscriber);
  const active = [...subscriber.feeds].filter(isTold);
  if (active.length === 0) return undefined;
  const positions = Object.fromEntries(active.map((feed) => [feed.chatId, feed.lastSeq]));
  return textFrame(JSON.stringify({ positions }));
}
