/** Loads the messages and members of a chat, and keeps what is loaded true to the server. */
import type { ChatEvent, Member, Message, ParleyClient } from "@parley/client";
import type { AppState, Stretch, Thread } from "./app-state.ts";
import { createPagesUnderWay } from "./pages-under-way.ts";
import type { Store } from "./store.ts";
import { addPage, holds, showLatest, shownOf, showStretch, toStretch } from "./stretches.ts";
import { applyReaction, changeMessages, changeThread } from "./updates.ts";
import type { UserDirectory } from "./user-directory.ts";

export interface Threads {
  load(chatId: string): Promise<void>;
  loadOlder(chatId: string): Promise<void>;
  /** Of an excerpt: towards the latest messages. */
  loadNewer(chatId: string): Promise<void>;
  /** Loads what stands around a message, unless it is there; `reveal` is a part of the update that shows it. */
  seek(message: Place, reveal: (state: AppState) => AppState): Promise<void>;
  showLatest(chatId: string): void;
  /** A reaction, an edit, or a deletion, besides what the event itself changes. */
  onEvent(event: ChatEvent): void;
}

export type Place = Pick<Message, "chatId" | "seq" | "no">;

const pageSize = 50;
const rereadSize = 200;
const memberPageSize = 1000;
const maxMemberPages = 5;
/**
 * A page that was just read may hold a reaction whose event is still on its way; counting it again would be wrong. So
 * for this long after a page, a message with a new reaction is read again instead.
 */
const settlingMs = 3000;

export function createThreads(
  parley: ParleyClient,
  store: Store<AppState>,
  directory: UserDirectory,
): Threads {
  const loading = new Map<string, Promise<void>>();
  const pages = createPagesUnderWay();
  const threadOf = (chatId: string) => store.get().threads.get(chatId);
  const change = (chatId: string, how: (thread: Thread) => Thread) =>
    store.update((state) => changeThread(state, chatId, how));

  async function readPage(chatId: string, page: Parameters<ParleyClient["listMessages"]>[1]) {
    const answer = await parley.listMessages(chatId, page);
    directory.need(answer.messages.map(({ senderId }) => senderId));
    return toStretch(answer);
  }

  async function fetchLatest(chatId: string): Promise<void> {
    // From here on the thread exists, and takes up the messages that are delivered while the page is on its way.
    change(chatId, (thread) => thread);
    const begin = threadOf(chatId)?.excerpt?.messages[0]?.seq;
    const [page, excerpt, members] = await Promise.all([
      readPage(chatId, { limit: pageSize }),
      begin === undefined ? undefined : readPage(chatId, { after: begin - 1, limit: rereadSize }),
      fetchMembers(chatId),
    ]);
    directory.need(members.map(({ userId }) => userId));
    change(chatId, (thread) => {
      const lastSeq = page.messages.at(-1)?.seq ?? 0;
      const newer = thread.messages.filter(({ seq }) => seq > lastSeq);
      const messages = [...page.messages, ...newer];
      const latest = { ...thread, ...page, messages, members, isLoaded: true };
      return thread.excerpt && excerpt ? showStretch(latest, excerpt) : latest;
    });
  }

  async function fetchMembers(chatId: string): Promise<Member[]> {
    const members: Member[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < maxMemberPages; page++) {
      const answer = await parley.listMembers(chatId, {
        limit: memberPageSize,
        ...(cursor ? { cursor } : {}),
      });
      members.push(...answer.members);
      cursor = answer.nextCursor;
      if (!cursor) break;
    }
    return members;
  }

  async function fetchAround({ chatId, seq, no }: Place, reveal: (state: AppState) => AppState) {
    if (!threadOf(chatId)?.isLoaded) await load(chatId);
    const thread = threadOf(chatId);
    const isHeld = thread && (holds(shownOf(thread), no) || holds(thread, no));
    const around = isHeld ? undefined : await readAround(chatId, seq);
    store.update((state) =>
      changeThread(reveal(state), chatId, (held) => {
        if (around) return showStretch(held, around);
        return holds(shownOf(held), no) ? held : showLatest(held);
      }),
    );
  }

  async function readAround(chatId: string, seq: number): Promise<Stretch> {
    const [before, from] = await Promise.all([
      readPage(chatId, { before: seq, limit: pageSize }),
      readPage(chatId, { after: seq - 1, limit: pageSize }),
    ]);
    return { messages: [...before.messages, ...from.messages], hasOlder: before.hasOlder };
  }

  async function loadMore(chatId: string, isOlder: boolean): Promise<void> {
    const flag = isOlder ? "isLoadingOlder" : "isLoadingNewer";
    const thread = threadOf(chatId);
    if (!thread || thread[flag]) return;
    const { messages, hasOlder } = shownOf(thread);
    const edge = isOlder ? messages[0] : messages.at(-1);
    const hasMore = isOlder ? hasOlder : thread.excerpt !== undefined;
    if (!edge || !hasMore) return;
    const from = isOlder ? { before: edge.seq } : { after: edge.seq };
    change(chatId, (held) => ({ ...held, [flag]: true }));
    try {
      await pages.track(chatId, fetchMore(chatId, from));
    } finally {
      change(chatId, (held) => ({ ...held, [flag]: false }));
    }
  }

  async function fetchMore(chatId: string, from: { before: number } | { after: number }): Promise<void> {
    const page = await readPage(chatId, { ...from, limit: pageSize });
    change(chatId, (held) => addPage(held, page));
  }

  async function rereadMessage(chatId: string, messageId: string): Promise<void> {
    const thread = threadOf(chatId);
    const held = [...(thread?.excerpt?.messages ?? []), ...(thread?.messages ?? [])];
    const seq = held.find(({ id }) => id === messageId)?.seq;
    if (seq === undefined) return;
    const { messages } = await parley.listMessages(chatId, { after: seq - 1, limit: 1 });
    const read = messages.find(({ id }) => id === messageId);
    if (!read) return;
    change(chatId, (now) => changeMessages(now, (message) => (message.id === messageId ? read : message)));
  }

  function load(chatId: string): Promise<void> {
    const underWay =
      loading.get(chatId) ??
      pages.track(chatId, fetchLatest(chatId)).finally(() => void loading.delete(chatId));
    loading.set(chatId, underWay);
    return underWay;
  }

  return {
    load,
    loadOlder: (chatId) => loadMore(chatId, true),
    loadNewer: (chatId) => loadMore(chatId, false),
    seek: (place, reveal) => pages.track(place.chatId, fetchAround(place, reveal)),
    showLatest(chatId) {
      if (threadOf(chatId)) change(chatId, showLatest);
    },
    onEvent({ kind, chatId, actorId, reaction, message }) {
      const messageId = reaction?.messageId ?? (kind === "message" ? undefined : message?.id);
      if (messageId === undefined || !threadOf(chatId)) return;
      const underWay = pages.underWay(chatId);
      if (underWay || (reaction && pages.wasReadWithin(chatId, settlingMs))) {
        // A page on its way may hold the message as it was before.
        (underWay ?? Promise.resolve()).then(() => rereadMessage(chatId, messageId)).catch(() => {});
      } else if (reaction) {
        store.update((state) => applyReaction(state, chatId, { ...reaction, actorId }));
      }
    },
  };
}
