/** Loads the messages and members of a chat, and keeps what is loaded true to the server. */
import type { ChatEvent, Member, ParleyClient } from "@parley/client";
import type { AppState } from "./app-state.ts";
import type { Store } from "./store.ts";
import { applyReaction, changeThread, mergeMessages } from "./updates.ts";
import type { UserDirectory } from "./user-directory.ts";

export interface Threads {
  load(chatId: string): Promise<void>;
  loadOlder(chatId: string): Promise<void>;
  /** A reaction, an edit, or a deletion, besides what the event itself changes. */
  onEvent(event: ChatEvent): void;
}

const pageSize = 50;
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
  const pagesAtMs = new Map<string, number>();

  async function fetchLatest(chatId: string): Promise<void> {
    pagesAtMs.set(chatId, Number.POSITIVE_INFINITY);
    // From here on the thread exists, and takes up the messages that are delivered while the page is on its way.
    store.update((state) => changeThread(state, chatId, (thread) => thread));
    try {
      const [page, members] = await Promise.all([
        parley.listMessages(chatId, { limit: pageSize }),
        fetchMembers(chatId),
      ]);
      directory.need(members.map(({ userId }) => userId));
      directory.need(page.messages.map(({ senderId }) => senderId));
      store.update((state) =>
        changeThread(state, chatId, (thread) => {
          const lastSeq = page.messages.at(-1)?.seq ?? 0;
          const newer = thread.messages.filter(({ seq }) => seq > lastSeq);
          return {
            messages: [...page.messages, ...newer],
            members,
            hasOlder: page.nextBefore !== undefined,
            isLoadingOlder: false,
            isLoaded: true,
          };
        }),
      );
    } finally {
      pagesAtMs.set(chatId, Date.now());
    }
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

  async function rereadMessage(chatId: string, messageId: string): Promise<void> {
    const held = store
      .get()
      .threads.get(chatId)
      ?.messages.find(({ id }) => id === messageId);
    if (!held) return;
    const { messages } = await parley.listMessages(chatId, { after: held.seq - 1, limit: 1 });
    store.update((state) =>
      changeThread(state, chatId, (thread) => ({
        ...thread,
        messages: mergeMessages(thread.messages, messages),
      })),
    );
  }

  return {
    load(chatId) {
      const underWay = loading.get(chatId) ?? fetchLatest(chatId).finally(() => void loading.delete(chatId));
      loading.set(chatId, underWay);
      return underWay;
    },
    async loadOlder(chatId) {
      const thread = store.get().threads.get(chatId);
      const before = thread?.messages[0]?.seq;
      if (!thread?.hasOlder || thread.isLoadingOlder || before === undefined) return;
      store.update((state) => changeThread(state, chatId, (held) => ({ ...held, isLoadingOlder: true })));
      try {
        const page = await parley.listMessages(chatId, { before, limit: pageSize });
        pagesAtMs.set(chatId, Date.now());
        directory.need(page.messages.map(({ senderId }) => senderId));
        store.update((state) =>
          changeThread(state, chatId, (held) => ({
            ...held,
            messages: mergeMessages(page.messages, held.messages),
            hasOlder: page.nextBefore !== undefined,
          })),
        );
      } finally {
        store.update((state) => changeThread(state, chatId, (held) => ({ ...held, isLoadingOlder: false })));
      }
    },
    onEvent({ kind, chatId, actorId, reaction, message }) {
      const messageId = reaction?.messageId ?? (kind === "message" ? undefined : message?.id);
      if (messageId === undefined || !store.get().threads.has(chatId)) return;
      const underWay = loading.get(chatId);
      const isSettling = Date.now() - (pagesAtMs.get(chatId) ?? 0) < settlingMs;
      if (underWay || (reaction && isSettling)) {
        (underWay ?? Promise.resolve()).then(() => rereadMessage(chatId, messageId)).catch(() => {});
      } else if (reaction) {
        store.update((state) => applyReaction(state, chatId, { ...reaction, actorId }));
      }
    },
  };
}
