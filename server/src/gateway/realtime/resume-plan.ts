/** Which gaps a resume pushes, and where it leaves it to the client to fetch. */
import type { ChatFeed } from "#gateway/realtime/chat-feed.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";

export interface ResumedChat {
  feed: ChatFeed;
  /** The user was a member when this was the chat's latest seq. */
  seq: number;
  /** Delivery goes on after this. */
  from: number;
  isRecovered: boolean;
}

type Limits = Pick<SocketConfig, "PARLEY_RESUME_MAX_EVENTS" | "PARLEY_RESUME_MAX_TOTAL_EVENTS">;

export function planResume(
  chats: readonly { feed: ChatFeed; seq: number }[],
  positions: Readonly<Record<string, number>>,
  limits: Limits,
): ResumedChat[] {
  const gaps = chats.map(({ feed, seq }) => {
    const position = Object.hasOwn(positions, feed.chatId) ? positions[feed.chatId] : undefined;
    return { feed, seq, position, events: position === undefined ? 0 : feed.knownSeq - position };
  });
  // The shortest first: so the total serves the most chats.
  gaps.sort((a, b) => a.events - b.events);
  let total = 0;
  return gaps.map(({ feed, seq, position, events }) => {
    // Beyond seq nobody knows whether the user is still a member, so a claim to hold more counts for nothing.
    const isKnown = position !== undefined && position <= seq;
    const isServed =
      isKnown &&
      events <= limits.PARLEY_RESUME_MAX_EVENTS &&
      total + events <= limits.PARLEY_RESUME_MAX_TOTAL_EVENTS;
    if (isServed) total += events;
    return { feed, seq, from: isServed ? position : seq, isRecovered: isServed };
  });
}
