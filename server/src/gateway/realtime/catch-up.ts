/** Brings one subscriber of a chat from where it is to live: pushes what it lacks, then joins without a break. */
import type { Event } from "@parley/api/v2/event";
import type { ChatFeed } from "#gateway/realtime/chat-feed.ts";
import type { EventPage } from "#gateway/realtime/event-page.ts";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import type { Subscriber } from "#gateway/realtime/subscriber.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export interface Catching {
  /** Delivery has begun there. */
  feed: ChatFeed;
  subscriber: Subscriber;
  /** The subscriber holds everything up to here. */
  position: number;
  /** It was certainly a member when the chat's latest seq was this one. */
  memberAt: number;
}

interface Progress {
  position: number;
  isMember: boolean;
}

/** A subscriber that falls further behind than this while it catches up has to resume. */
const maxLagEvents = 10_000;

/** "left": it is no member any more, or is gone, or started again. Throws what the reader throws, having left. */
export async function catchUp(reader: EventReader, catching: Catching): Promise<"live" | "left"> {
  const { feed, subscriber, position } = catching;
  if (feed.tryJoin(subscriber, position)) return "live";
  if (feed.isClosed) throw fault("unavailable", { cause: new Error("the feed was given up") });
  const token = feed.startJoining(subscriber);
  const progress = { position, isMember: true };
  try {
    while (feed.isJoining(subscriber, token)) {
      if (progress.isMember && feed.tryJoin(subscriber, progress.position)) return "live";
      if (!progress.isMember && progress.position >= feed.knownSeq) break;
      if (feed.knownSeq - progress.position > maxLagEvents) return giveUp(subscriber);
      const page = await readNext(reader, catching, progress);
      // What is newer than the feed itself is news to everybody in it.
      feed.offer(page.events);
      if (!feed.isJoining(subscriber, token)) return "left";
      pushPage(page, catching, progress);
      await subscriber.drained();
    }
  } catch (error) {
    if (toPublicError(error).code !== "chat-not-found") throw error;
  } finally {
    if (feed.isJoining(subscriber, token)) feed.leave(subscriber);
  }
  return "left";
}

function giveUp(subscriber: Subscriber): "left" {
  subscriber.demandResume();
  return "left";
}

async function readNext(reader: EventReader, { feed, subscriber }: Catching, progress: Progress) {
  // The subscriber may know more than the feed has been told yet.
  const after = Math.min(progress.position, feed.lastSeq ?? 0);
  const upTo = feed.knownSeq;
  const page = await reader.read({ chatId: feed.chatId, memberId: subscriber.userId, after, upTo });
  if (page.events.length === 0)
    throw fault("unavailable", { cause: new Error("known events cannot be read") });
  return page;
}

/** Pushes what is new of the page, but nothing of a time in which the subscriber was no member. */
function pushPage(page: EventPage, catching: Catching, progress: Progress) {
  const { events } = page;
  const first = events.findIndex((event) => event.seq === progress.position + 1);
  if (first < 0) return;
  let start = first;
  for (let index = first; index < events.length; index++) {
    const change = ownChange(events[index]!, catching);
    if (change === "removed" && progress.isMember) {
      push(page, start, index + 1, catching.subscriber);
      progress.isMember = false;
    } else if (change === "added" && !progress.isMember) {
      start = index;
      progress.isMember = true;
    }
  }
  if (progress.isMember) push(page, start, events.length, catching.subscriber);
  progress.position = events.at(-1)?.seq ?? progress.position;
}

function ownChange(event: Event, { subscriber, memberAt }: Catching): string | undefined {
  const isOwn = event.membership?.userId === subscriber.userId && (event.seq ?? 0) > memberAt;
  return isOwn ? event.membership?.change : undefined;
}

function push(page: EventPage, from: number, to: number, subscriber: Subscriber) {
  for (const frame of page.frames(from, to)) subscriber.push(frame);
}
