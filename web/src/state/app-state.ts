/** All that the web client shows, as immutable data. */
import type { Chat, ClientState, Member, Message, OutboxEntry, User } from "@parley/client";
import type { Outgoing } from "./outgoing-state.ts";
import { initialSearch, type SearchState } from "./search-state.ts";

/** Messages of a chat that follow each other. */
export interface Stretch {
  /** In the order of their seq, without a hole. */
  readonly messages: readonly Message[];
  readonly hasOlder: boolean;
}

/** The latest stretch, which takes up what is delivered; and what else is known of the chat. */
export interface Thread extends Stretch {
  /** An earlier stretch, shown instead of the latest until the two touch or the reader goes back. */
  readonly excerpt: Stretch | undefined;
  readonly isLoadingOlder: boolean;
  readonly isLoadingNewer: boolean;
  readonly members: readonly Member[];
  /** Nothing is shown until the first page is there. */
  readonly isLoaded: boolean;
}

/** The message that was just jumped to. */
export interface Focus {
  readonly chatId: string;
  readonly no: number;
  /** Another one for each jump, also to the same message. */
  readonly jump: number;
}

export interface AppState {
  /** "starting" until it is known whether somebody is signed in. */
  readonly phase: "starting" | "signed-out" | "ready";
  readonly connection: ClientState;
  readonly me: User | undefined;
  readonly chats: ReadonlyMap<string, Chat>;
  readonly users: ReadonlyMap<string, User>;
  readonly threads: ReadonlyMap<string, Thread>;
  readonly openChatId: string | undefined;
  readonly focus: Focus | undefined;
  readonly search: SearchState;
  /** Who types where, and until when that is shown. */
  readonly typing: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly online: ReadonlySet<string>;
  /** Pending and failed messages, in order. */
  readonly outbox: readonly OutboxEntry[];
  /** Messages whose files are being uploaded; at most one of a chat is still being written. */
  readonly outgoing: readonly Outgoing[];
  /** A failure to tell the person about. */
  readonly notice: string | undefined;
}

export const initialState: AppState = {
  phase: "starting",
  connection: "offline",
  me: undefined,
  chats: new Map(),
  users: new Map(),
  threads: new Map(),
  openChatId: undefined,
  focus: undefined,
  search: initialSearch,
  typing: new Map(),
  online: new Set(),
  outbox: [],
  outgoing: [],
  notice: undefined,
};

export const emptyThread: Thread = {
  messages: [],
  hasOlder: false,
  excerpt: undefined,
  isLoadingOlder: false,
  isLoadingNewer: false,
  members: [],
  isLoaded: false,
};

export function activityOf(chat: Chat): string {
  const { lastMessage, createdAt = "" } = chat;
  return (lastMessage?.createdAt as string | undefined) ?? (createdAt as string);
}

export function chatsByActivity(chats: ReadonlyMap<string, Chat>): Chat[] {
  // Times are RFC 3339, all in UTC; Date.parse because the number of digits may differ.
  const time = (chat: Chat) => Date.parse(activityOf(chat)) || 0;
  return [...chats.values()].sort((a, b) => time(b) - time(a) || (a.id < b.id ? 1 : -1));
}

export function titleOf(chat: Chat, users: ReadonlyMap<string, User>): string {
  if (chat.kind === "direct") return users.get(chat.peerId)?.name ?? "…";
  return chat.title || "Untitled";
}

/** What somebody is called in a chat with these members; undefined: not known yet. */
export function nameIn(
  members: readonly Member[],
  users: ReadonlyMap<string, User>,
  userId: string,
): string | undefined {
  return members.find((member) => member.userId === userId)?.displayName || users.get(userId)?.name;
}

/** How many of the others have read up to the message: "none", "some" or "all". */
export function readBy(message: Message, members: readonly Member[]): "none" | "some" | "all" {
  const others = members.filter(({ userId }) => userId !== message.senderId);
  const readers = others.filter(({ readNo }) => readNo >= message.no).length;
  if (readers === 0) return "none";
  return readers === others.length ? "all" : "some";
}
