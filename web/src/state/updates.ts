/** How each event changes the state. Pure; applying what is already there changes nothing. */
import type { Chat, Member, MembershipChange, Message, ReactionChange } from "@parley/client";
import { type AppState, emptyThread, type Thread } from "./app-state.ts";

export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

export function withoutKey<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** Takes a chat as the server gave it, unless events have carried it further since. */
export function putChat(state: AppState, chat: Chat): AppState {
  const held = state.chats.get(chat.id);
  if (held && held.lastSeq > chat.lastSeq) return state;
  const readNo = Math.max(chat.readNo, held?.readNo ?? 0);
  const merged = { ...chat, readNo, unread: Math.max(0, chat.lastNo - readNo) };
  return { ...state, chats: withEntry(state.chats, chat.id, merged) };
}

export function removeChat(state: AppState, chatId: string): AppState {
  if (!state.chats.has(chatId)) return state;
  const hits = state.search.hits.filter(({ message }) => message.chatId !== chatId);
  return {
    ...state,
    search: { ...state.search, hits },
    chats: withoutKey(state.chats, chatId),
    threads: withoutKey(state.threads, chatId),
    openChatId: state.openChatId === chatId ? undefined : state.openChatId,
  };
}

function changeChat(state: AppState, chatId: string, change: (chat: Chat) => Chat): AppState {
  const chat = state.chats.get(chatId);
  return chat ? { ...state, chats: withEntry(state.chats, chatId, change(chat)) } : state;
}

/** Changes messages in all stretches that are held. */
export function changeMessages(thread: Thread, change: (message: Message) => Message): Thread {
  const { excerpt } = thread;
  return {
    ...thread,
    messages: thread.messages.map(change),
    excerpt: excerpt && { ...excerpt, messages: excerpt.messages.map(change) },
  };
}

export function changeThread(state: AppState, chatId: string, change: (thread: Thread) => Thread): AppState {
  const thread = change(state.threads.get(chatId) ?? emptyThread);
  return { ...state, threads: withEntry(state.threads, chatId, thread) };
}

/** Any event of a chat's log moves its seq on. */
export function advance(state: AppState, chatId: string, seq: number): AppState {
  return changeChat(state, chatId, (chat) => (seq > chat.lastSeq ? { ...chat, lastSeq: seq } : chat));
}

export function addMessage(state: AppState, message: Message): AppState {
  const next = changeChat(state, message.chatId, (chat) => {
    if (message.no <= chat.lastNo) return chat;
    return { ...chat, lastNo: message.no, lastMessage: message, unread: message.no - chat.readNo };
  });
  const typists = next.typing.get(message.chatId);
  const typing = typists?.has(message.senderId)
    ? withEntry(next.typing, message.chatId, withoutKey(typists, message.senderId))
    : next.typing;
  if (!next.threads.has(message.chatId)) return { ...next, typing };
  return changeThread({ ...next, typing }, message.chatId, (thread) => ({
    ...thread,
    messages: mergeMessages(thread.messages, [message]),
  }));
}

/** Edited, deleted or processed: the message as it is now. The event does not know whose reactions are one's own. */
export function changeMessage(state: AppState, message: Message): AppState {
  const update = (held: Message): Message =>
    held.id === message.id ? { ...message, reactions: message.deletedAt ? [] : held.reactions } : held;
  const next = changeChat(state, message.chatId, (chat) =>
    chat.lastMessage?.id === message.id ? { ...chat, lastMessage: update(chat.lastMessage) } : chat,
  );
  if (!next.threads.has(message.chatId)) return next;
  return changeThread(next, message.chatId, (thread) => changeMessages(thread, update));
}

export function applyReaction(
  state: AppState,
  chatId: string,
  change: ReactionChange & { actorId: string },
): AppState {
  if (!state.threads.has(chatId)) return state;
  const isMine = change.actorId === state.me?.id;
  return changeThread(state, chatId, (thread) =>
    changeMessages(thread, (message) =>
      message.id === change.messageId ? withReaction(message, change, isMine) : message,
    ),
  );
}

function withReaction(message: Message, { emoji, removed }: ReactionChange, isMine: boolean): Message {
  const held = message.reactions.find((reaction) => reaction.emoji === emoji);
  const count = (held?.count ?? 0) + (removed ? -1 : 1);
  const mine = isMine ? !removed : (held?.mine ?? false);
  const changed = { emoji, count, mine };
  const reactions = held
    ? message.reactions.map((reaction) => (reaction === held ? changed : reaction))
    : [...message.reactions, changed];
  return { ...message, reactions: reactions.filter((reaction) => reaction.count > 0) };
}

export function applyMembership(state: AppState, chatId: string, change: MembershipChange): AppState {
  const { userId, role } = change;
  if (change.change === "removed" && userId === state.me?.id) return removeChat(state, chatId);
  const isMe = userId === state.me?.id;
  const difference = change.change === "added" ? 1 : change.change === "removed" ? -1 : 0;
  const next = changeChat(state, chatId, (chat) => ({
    ...chat,
    memberCount: chat.memberCount + difference,
    role: isMe ? role : chat.role,
  }));
  if (!next.threads.has(chatId)) return next;
  return changeThread(next, chatId, (thread) => ({
    ...thread,
    members: withMember(thread.members, change),
  }));
}

function withMember(members: readonly Member[], { userId, change, role }: MembershipChange): Member[] {
  const others = members.filter((member) => member.userId !== userId);
  if (change === "removed") return others;
  const held = members.find((member) => member.userId === userId);
  return [...others, { ...(held ?? { userId, readNo: 0 }), role }];
}

export function applyRead(
  state: AppState,
  { chatId, userId, no }: { chatId: string; userId: string; no: number },
): AppState {
  const next =
    userId !== state.me?.id
      ? state
      : changeChat(state, chatId, (chat) => {
          const readNo = Math.max(chat.readNo, no);
          return { ...chat, readNo, unread: Math.max(0, chat.lastNo - readNo) };
        });
  if (!next.threads.has(chatId)) return next;
  return changeThread(next, chatId, (thread) => ({
    ...thread,
    members: thread.members.map((member) =>
      member.userId === userId && member.readNo < no ? { ...member, readNo: no } : member,
    ),
  }));
}

/** Of two versions of a message, the later in `added` is taken. */
export function mergeMessages(held: readonly Message[], added: readonly Message[]): Message[] {
  const last = held.at(-1);
  // By far the most common: new ones at the end.
  if (!last || added.every(({ seq }) => seq > last.seq)) return [...held, ...added];
  const bySeq = new Map([...held, ...added].map((message) => [message.seq, message]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
