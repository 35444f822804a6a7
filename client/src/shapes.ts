/**
 * What the client hands out: the contract's JSON shapes, with those fields required that Parley always sets.
 * Proto JSON lets a sender leave out zero values, so each shape has a function that fills in what was left out.
 */
import type {
  AttachmentJson,
  ChatChangeJson,
  ChatJson,
  EventJson,
  MemberJson,
  MembershipChangeJson,
  MessageJson,
  PresenceChangeJson,
  ProcessChangeJson,
  ProcessedJson,
  ReactionChangeJson,
  ReactionJson,
  ReadChangeJson,
  SearchChangeJson,
} from "@parley/api/v2/event";
import type { ProcessorJson, ProcessResponseJson } from "@parley/api/v2/process";
import type {
  SearchFragmentJson,
  SearchFragmentPartJson,
  SearchHitJson,
  SearchTaskJson,
} from "@parley/api/v2/search";
import type { UserJson } from "@parley/api/v2/user";

type With<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };

export type User = With<UserJson, "id" | "name">;
export type Reaction = With<ReactionJson, "emoji" | "count" | "mine">;
export type Message = Omit<
  With<MessageJson, "id" | "chatId" | "seq" | "no" | "senderId" | "clientId" | "text" | "replyTo">,
  "reactions" | "processed" | "attachments"
> & {
  reactions: Reaction[];
  /** None once deleted. */
  attachments: Attachment[];
  /** What the chat's processor made of the text as it is now. */
  processed?: Processed;
};
/** `width` and `height` are 0 for what is no picture, or was not looked at yet (`pending`). */
export type Attachment = Omit<
  With<AttachmentJson, "id" | "name" | "contentType" | "width" | "height" | "hasThumbnail" | "pending">,
  "size"
> & {
  /** In bytes. */
  size: number;
};
export type Processed = With<ProcessedJson, "processor" | "result" | "provider">;
export type Member = With<MemberJson, "userId" | "role" | "readNo">;
export type Chat = Omit<
  With<
    ChatJson,
    | "id"
    | "kind"
    | "title"
    | "lastSeq"
    | "lastNo"
    | "memberCount"
    | "role"
    | "readNo"
    | "unread"
    | "peerId"
    | "processor"
    | "language"
  >,
  "lastMessage"
> & { lastMessage?: Message };

export type ReactionChange = With<ReactionChangeJson, "messageId" | "emoji" | "removed">;
export type MembershipChange = With<MembershipChangeJson, "userId" | "change" | "role">;
export type ChatChange = With<ChatChangeJson, "kind" | "title" | "processor" | "language">;
export type ReadChange = With<ReadChangeJson, "userId" | "no">;
/** How a request of one's own to process a text stands. */
export type ProcessChange = With<ProcessChangeJson, "id" | "status">;
export type Process = Omit<
  With<ProcessResponseJson, "id" | "status" | "processor" | "result" | "provider" | "currency" | "reason">,
  "cost"
> & { cost: number };
export type Processor = With<ProcessorJson, "id" | "about" | "maxTextBytes">;
/** How a search task of one's own stands. */
export type SearchChange = With<SearchChangeJson, "id" | "status" | "resultCount" | "partial">;
export type SearchTask = With<SearchTaskJson, "id" | "status" | "query" | "partial" | "resultCount">;
/** A piece of a message's text: in order, what was looked for and what stands around it. */
export interface SearchFragment {
  parts: With<SearchFragmentPartJson, "text" | "match">[];
}
export interface SearchHit {
  message: Message;
  /** Empty when nothing of the text was asked for. */
  fragments: SearchFragment[];
  /** Greater is better; to be compared within one answer only. */
  score: number;
}
export type PresenceChange = With<PresenceChangeJson, "userId" | "online">;

/** An event of a chat's log: it has a seq, is delivered exactly once and in order. */
export type ChatEvent = Omit<
  With<EventJson, "chatId" | "seq" | "kind" | "actorId">,
  "message" | "reaction" | "membership" | "chat"
> & {
  message?: Message;
  reaction?: ReactionChange;
  membership?: MembershipChange;
  chat?: ChatChange;
};

export interface MessagePage {
  /** In the order of their seq. */
  messages: Message[];
  /** Pass as `before` to get the page of older messages; absent when there is none. */
  nextBefore?: number;
  /** Pass as `after` to get the page of newer messages; absent when there is none yet. */
  nextAfter?: number;
}

export function toUser(json: UserJson = {}): User {
  return { ...json, id: json.id ?? "", name: json.name ?? "" };
}

/** Fills in place: this runs for every message received. */
export function toMessage(json: MessageJson): Message {
  json.text ??= "";
  json.replyTo ??= "";
  json.clientId ??= "";
  json.reactions ??= [];
  json.attachments ??= [];
  for (const attachment of json.attachments) fillAttachment(attachment);
  for (const reaction of json.reactions) {
    reaction.count ??= 0;
    reaction.mine ??= false;
  }
  if (json.processed) {
    json.processed.result ??= "";
    json.processed.provider ??= "";
  }
  return json as Message;
}

function fillAttachment(json: AttachmentJson): void {
  json.name ??= "";
  json.contentType ??= "";
  json.size ??= 0;
  json.width ??= 0;
  json.height ??= 0;
  json.hasThumbnail ??= false;
  json.pending ??= false;
}

export function toChat(json: ChatJson = {}): Chat {
  const { lastMessage, ...rest } = json;
  return {
    ...rest,
    id: json.id ?? "",
    kind: json.kind ?? "",
    title: json.title ?? "",
    lastSeq: json.lastSeq ?? 0,
    lastNo: json.lastNo ?? 0,
    memberCount: json.memberCount ?? 0,
    role: json.role ?? "",
    readNo: json.readNo ?? 0,
    unread: json.unread ?? 0,
    peerId: json.peerId ?? "",
    processor: json.processor ?? "",
    language: json.language ?? "",
    ...(lastMessage ? { lastMessage: toMessage(lastMessage) } : {}),
  };
}

export function toMember(json: MemberJson): Member {
  return { ...json, userId: json.userId ?? "", role: json.role ?? "", readNo: json.readNo ?? 0 };
}

export function toProcess(json: ProcessResponseJson): Process {
  return {
    ...json,
    id: json.id ?? "",
    status: json.status ?? "",
    processor: json.processor ?? "",
    result: json.result ?? "",
    provider: json.provider ?? "",
    cost: Number(json.cost ?? 0),
    currency: json.currency ?? "",
    reason: json.reason ?? "",
  };
}

export function toProcessor(json: ProcessorJson): Processor {
  return { id: json.id ?? "", about: json.about ?? "", maxTextBytes: json.maxTextBytes ?? 0 };
}

export function toSearchTask(json: SearchTaskJson = {}): SearchTask {
  return {
    ...json,
    id: json.id ?? "",
    status: json.status ?? "",
    query: json.query ?? "",
    partial: json.partial ?? false,
    resultCount: json.resultCount ?? 0,
  };
}

export function toSearchChange(json: SearchChangeJson): SearchChange {
  const { id = "", status = "", resultCount = 0, partial = false } = json;
  return { id, status, resultCount, partial };
}

export function toSearchHit(json: SearchHitJson): SearchHit {
  return {
    message: toMessage(json.message ?? {}),
    fragments: (json.fragments ?? []).map(toFragment),
    score: Number(json.score ?? 0),
  };
}

function toFragment({ parts = [] }: SearchFragmentJson): SearchFragment {
  return { parts: parts.map(({ text = "", match = false }) => ({ text, match })) };
}

/** Fills in place, as toMessage does. */
export function toChatEvent(json: EventJson): ChatEvent {
  json.actorId ??= "";
  if (json.message) toMessage(json.message);
  if (json.reaction) json.reaction.removed ??= false;
  if (json.membership) json.membership.role ??= "";
  if (json.chat) {
    json.chat.title ??= "";
    json.chat.processor ??= "";
    json.chat.language ??= "";
  }
  return json as ChatEvent;
}
