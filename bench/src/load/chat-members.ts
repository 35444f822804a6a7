/** The sockets of the load, each in one chat, and the order of what they receive. */
import { forEachConcurrently } from "./concurrently.ts";
import { type ChatFrames, createChatFrames, type LoadEvent, type LoadFrame } from "./frame-reader.ts";
import { type LoadSocket, openLoadSocket } from "./load-socket.ts";

export interface OpenChatsOptions {
  /** ws://host:port/v2/ws; of several, the sockets of a chat take one each in turn. */
  urls: readonly string[];
  /** One socket is opened for each token. */
  chats: { chatId: string; accessTokens: string[] }[];
}

export interface Chat {
  readonly id: string;
  readonly members: Member[];
  readonly frames: ChatFrames;
}

export interface Member {
  readonly chat: Chat;
  readonly accessToken: string;
  readonly url: string;
  socket: LoadSocket;
  /** The seq of the last event received. */
  seq: number;
}

/** Who is told of what arrives: the run that is under way. */
export interface FrameHandler {
  answered(callId: number, errorCode: string | undefined): void;
  /** A new message; not the sender's own copy of it alone, but every copy. */
  received(member: Member, clientId: string): void;
  skipped(): void;
  repeated(): void;
  closed(code: number): void;
}

export interface ChatMembers {
  readonly chats: readonly Chat[];
  handler: FrameHandler | undefined;
  /** Opens again what the server has closed. */
  reopen(): Promise<void>;
  close(): void;
}

const connectConcurrency = 50;

export async function openChatMembers(options: OpenChatsOptions): Promise<ChatMembers> {
  const members: Member[] = [];
  const chats: ChatMembers = { chats: [], handler: undefined, reopen, close };

  async function connect(member: Member) {
    const socket = await openLoadSocket({
      url: member.url,
      accessToken: member.accessToken,
      reader: member.chat.frames.createReader(),
      onFrame: (frame) => chats.handler && dispatch(frame, member, chats.handler),
      onClose: (code) => chats.handler?.closed(code),
    });
    member.socket = socket;
    member.seq = (await socket.resume()).get(member.chat.id) ?? 0;
  }
  function reopen() {
    return forEachConcurrently(
      members.filter(({ socket }) => !socket?.isOpen),
      connectConcurrency,
      connect,
    );
  }
  function close() {
    chats.handler = undefined;
    for (const { socket } of members) socket?.close();
  }

  const opened = options.chats.map(({ chatId, accessTokens }) => {
    const chat: Chat = { id: chatId, members: [], frames: createChatFrames() };
    for (const [index, accessToken] of accessTokens.entries()) {
      const url = options.urls[index % options.urls.length]!;
      chat.members.push({ chat, accessToken, url, socket: closedSocket, seq: 0 });
    }
    members.push(...chat.members);
    return chat;
  });
  await reopen();
  return Object.assign(chats, { chats: opened });
}

const closedSocket: LoadSocket = {
  isOpen: false,
  resume: () => Promise.reject(new Error("not open")),
  send: () => {},
  close: () => {},
};

function dispatch(frame: LoadFrame, member: Member, handler: FrameHandler) {
  if (frame.id !== undefined) handler.answered(frame.id, frame.error?.code);
  for (const event of frame.events ?? []) receive(event, member, handler);
}

function receive({ seq, kind, message }: LoadEvent, member: Member, handler: FrameHandler) {
  if (seq === undefined) return;
  if (seq <= member.seq) return handler.repeated();
  if (seq > member.seq + 1) handler.skipped();
  member.seq = seq;
  if (kind === "message" && message) handler.received(member, message.clientId);
}
