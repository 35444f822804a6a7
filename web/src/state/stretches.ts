/** Stretches of a chat's messages. Messages are numbered without gaps, which tells whether two stretches touch. Pure. */
import type { MessagePage } from "@parley/client";
import type { Stretch, Thread } from "./app-state.ts";
import { mergeMessages } from "./updates.ts";

/** What the reader sees. */
export function shownOf(thread: Thread): Stretch {
  return thread.excerpt ?? thread;
}

export function toStretch({ messages, nextBefore }: MessagePage): Stretch {
  return { messages, hasOlder: nextBefore !== undefined };
}

export function holds({ messages }: Stretch, no: number): boolean {
  return no >= (messages[0]?.no ?? Number.POSITIVE_INFINITY) && no <= (messages.at(-1)?.no ?? 0);
}

/** Shows a stretch; as a part of the latest one, when they touch. */
export function showStretch(thread: Thread, stretch: Stretch): Thread {
  if (stretch.messages.length === 0) return showLatest(thread);
  return joined({ ...thread, excerpt: stretch });
}

export function showLatest(thread: Thread): Thread {
  return thread.excerpt ? { ...thread, excerpt: undefined } : thread;
}

/** Adds a page to the stretch that it continues; to none, when the reader has gone elsewhere meanwhile. */
export function addPage(thread: Thread, page: Stretch): Thread {
  const { excerpt } = thread;
  if (excerpt && touch(excerpt, page)) return joined({ ...thread, excerpt: union(excerpt, page) });
  return touch(thread, page) ? { ...thread, ...union(thread, page) } : thread;
}

function joined(thread: Thread): Thread {
  const { excerpt } = thread;
  if (!excerpt || !touch(excerpt, thread)) return thread;
  return { ...thread, ...union(thread, excerpt), excerpt: undefined };
}

function touch(a: Stretch, b: Stretch): boolean {
  const [firstA, lastA] = [a.messages[0], a.messages.at(-1)];
  const [firstB, lastB] = [b.messages[0], b.messages.at(-1)];
  if (!firstA || !lastA || !firstB || !lastB) return false;
  return firstA.no <= lastB.no + 1 && firstB.no <= lastA.no + 1;
}

/** What is held was kept up to date by events; so of two versions of a message, it is taken. */
function union(held: Stretch, added: Stretch): Stretch {
  const isAddedOlder = (added.messages[0]?.no ?? 0) < (held.messages[0]?.no ?? 0);
  return {
    messages: mergeMessages(added.messages, held.messages),
    hasOlder: isAddedOlder ? added.hasOlder : held.hasOlder,
  };
}
