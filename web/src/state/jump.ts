/** Opens a chat at a message, wherever in the chat that stands. */
import { type Message, ParleyError } from "@parley/client";
import type { AppState } from "./app-state.ts";
import type { ChatSync } from "./chat-sync.ts";
import type { Store } from "./store.ts";
import type { Threads } from "./threads.ts";

export interface JumpParts {
  store: Store<AppState>;
  chatSync: ChatSync;
  threads: Threads;
  /** The chat is open now: the address follows. */
  onOpen(chatId: string): void;
  onProblem(error: unknown): void;
}

/** How long the message is marked. */
const markedMs = 3_000;

export type Jump = (message: Message) => Promise<void>;

export function createJump({ store, chatSync, threads, onOpen, onProblem }: JumpParts): Jump {
  let jumps = 0;

  const setOpening = (openingId: string | undefined) =>
    store.update((state) => ({ ...state, search: { ...state.search, openingId } }));

  async function open(message: Message, jump: number): Promise<void> {
    const { chatId, no } = message;
    await chatSync.meet(chatId);
    if (!store.get().chats.has(chatId))
      throw new ParleyError("chat-not-found", { detail: "You are no longer in this chat." });
    const isLatest = () => jump === jumps;
    await threads.seek(message, (state) =>
      isLatest() ? { ...state, openChatId: chatId, focus: { chatId, no, jump } } : state,
    );
    if (!isLatest()) return;
    onOpen(chatId);
    setTimeout(() => {
      store.update((state) => (state.focus?.jump === jump ? { ...state, focus: undefined } : state));
    }, markedMs);
  }

  return async (message) => {
    const jump = ++jumps;
    setOpening(message.id);
    try {
      await open(message, jump);
    } catch (error) {
      if (jump === jumps) onProblem(error);
    } finally {
      if (jump === jumps) setOpening(undefined);
    }
  };
}
