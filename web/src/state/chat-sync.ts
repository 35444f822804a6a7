/**
 * Keeps the list of chats, and the threads that are loaded, in step with the server. The start is free of races:
 * delivery begins first, then the list is read, and what was delivered meanwhile is applied to it; every update
 * leaves alone what the list already has.
 */
import {
  type Chat,
  type ChatChange,
  type ChatEvent,
  isTransient,
  type ParleyClient,
  ParleyError,
} from "@parley/client";
import type { AppState } from "./app-state.ts";
import type { Store } from "./store.ts";
import type { Threads } from "./threads.ts";
import {
  addMessage,
  advance,
  applyMembership,
  applyRead,
  changeMessage,
  putChat,
  removeChat,
  withEntry,
  withoutKey,
} from "./updates.ts";
import type { UserDirectory } from "./user-directory.ts";

export interface ChatSync {
  start(): Promise<void>;
  /** Reads a chat that is not among those listed, if it is one's own. */
  meet(chatId: string): Promise<void>;
  /** Presence of the people in direct chats. */
  watchPeers(): void;
}

export interface ChatSyncParts {
  parley: ParleyClient;
  store: Store<AppState>;
  directory: UserDirectory;
  threads: Threads;
}

/** As the contract says: shown for about 5 s. */
const typingMs = 5000;
const maxWatched = 500;
const pageSize = 200;
const maxPages = 20;
const relistMs = 3000;

export function createChatSync({ parley, store, directory, threads }: ChatSyncParts): ChatSync {
  let waiting: ChatEvent[] | undefined;

  function onEvent(event: ChatEvent): void {
    if (waiting) {
      waiting.push(event);
      return;
    }
    const { chatId, seq, actorId } = event;
    const chat = store.get().chats.get(chatId);
    if (!chat) return void refresh(chatId);
    directory.need([actorId]);
    threads.onEvent(event);
    store.update((state) => advance(apply(state, event, seq > chat.lastSeq), chatId, seq));
    if (event.membership?.change === "added") directory.need([event.membership.userId]);
  }

  function apply(state: AppState, event: ChatEvent, isNews: boolean): AppState {
    const { kind, chatId, message, membership, chat } = event;
    if (message) return kind === "message" ? addMessage(state, message) : changeMessage(state, message);
    if (membership && isNews) return applyMembership(state, chatId, membership);
    const held = state.chats.get(chatId);
    if (chat && held && isNews) {
      return {
        ...state,
        chats: withEntry(state.chats, chatId, { ...held, ...settingsOf(chat) }),
      };
    }
    return state;
  }

  /** Reads a chat anew; also its messages where they are shown. */
  async function refresh(chatId: string): Promise<void> {
    try {
      const chat = await parley.getChat(chatId);
      meet([chat]);
      if (store.get().threads.has(chatId)) await threads.load(chatId);
    } catch (error) {
      if (error instanceof ParleyError && error.code === "chat-not-found") {
        store.update((state) => removeChat(state, chatId));
      }
    }
  }

  function meet(chats: Chat[]): void {
    store.update((state) => chats.reduce(putChat, state));
    directory.need(chats.flatMap(({ peerId, lastMessage }) => [peerId, lastMessage?.senderId ?? ""]));
    watchPeers();
  }

  function watchPeers(): void {
    const peers = [...store.get().chats.values()].map(({ peerId }) => peerId).filter((id) => id !== "");
    parley.watchPresence(peers.slice(0, maxWatched)).then(
      (presence) => {
        const online = presence.filter((change) => change.online).map(({ userId }) => userId);
        store.update((state) => ({ ...state, online: new Set(online) }));
      },
      () => {},
    );
  }

  function showTyping(chatId: string, userId: string): void {
    const untilMs = Date.now() + typingMs;
    const change = (typists: ReadonlyMap<string, number>) =>
      store.update((state) => ({ ...state, typing: withEntry(state.typing, chatId, typists) }));
    const typists = () => store.get().typing.get(chatId) ?? new Map<string, number>();
    directory.need([userId]);
    change(withEntry(typists(), userId, untilMs));
    setTimeout(() => {
      if (typists().get(userId) === untilMs) change(withoutKey(typists(), userId));
    }, typingMs);
  }

  parley.on("event", onEvent);
  parley.on("chat", ({ chatId }) => {
    if (!waiting && !store.get().chats.has(chatId)) void refresh(chatId);
  });
  parley.on("refetch", ({ chatId }) => {
    // Of a chat that is about to be listed there is nothing yet that could be out of date.
    if (!waiting || store.get().chats.has(chatId)) void refresh(chatId);
  });
  parley.on("read", (read) => store.update((state) => applyRead(state, read)));
  parley.on("typing", ({ chatId, userId }) => {
    if (userId !== parley.user?.id) showTyping(chatId, userId);
  });
  parley.on("presence", ({ userId, online }) =>
    store.update((state) => {
      const next = new Set(state.online);
      if (online) next.add(userId);
      else next.delete(userId);
      return { ...state, online: next };
    }),
  );

  return {
    async meet(chatId) {
      if (!store.get().chats.has(chatId)) await refresh(chatId);
    },
    watchPeers,
    async start() {
      waiting = [];
      try {
        await parley.connect();
        await listAll();
      } finally {
        const delivered = waiting;
        waiting = undefined;
        for (const event of delivered) onEvent(event);
      }
    },
  };

  /** As often as it takes: without the list there is nothing to show. */
  async function listAll(): Promise<void> {
    for (;;) {
      try {
        return await listPages();
      } catch (error) {
        if (!isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, relistMs));
      }
    }
  }

  async function listPages(): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const answer = await parley.listChats({ limit: pageSize, ...(cursor ? { cursor } : {}) });
      meet(answer.chats);
      cursor = answer.nextCursor;
      if (!cursor) return;
    }
  }
}

const settingsOf = ({ title, processor, language }: ChatChange) => ({ title, processor, language });
