import type { Chat } from "@parley/client";
import { useMemo, useState } from "react";
import { activityOf, chatsByActivity, titleOf } from "../state/app-state.ts";
import { Avatar } from "./avatar.tsx";
import { NewChatDialog } from "./new-chat.tsx";
import { summaryOf } from "./summary.ts";
import { briefTime } from "./times.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

export function ChatList() {
  const chats = useAppState((state) => state.chats);
  const [isStarting, setIsStarting] = useState(false);
  const sorted = useMemo(() => chatsByActivity(chats), [chats]);
  return (
    <nav className="chat-list" aria-label="Chats">
      <button type="button" className="new-chat" onClick={() => setIsStarting(true)}>
        New chat
      </button>
      {sorted.length === 0 && <p className="hint">No chats yet. Start one with “New chat”.</p>}
      <ul>
        {sorted.map((chat) => (
          <li key={chat.id}>
            <ChatRow chat={chat} />
          </li>
        ))}
      </ul>
      {isStarting && <NewChatDialog onClose={() => setIsStarting(false)} />}
    </nav>
  );
}

function ChatRow({ chat }: { chat: Chat }) {
  const messenger = useMessenger();
  const users = useAppState((state) => state.users);
  const isOpen = useAppState((state) => state.openChatId === chat.id);
  const isOnline = useAppState((state) => state.online.has(chat.peerId));
  const title = titleOf(chat, users);
  return (
    <button
      type="button"
      className="chat-row"
      aria-current={isOpen ? "page" : undefined}
      onClick={() => messenger.openChat(chat.id)}
    >
      <Avatar name={title} seed={chat.peerId || chat.id} isOnline={isOnline} />
      <span className="chat-row-title">
        {title}
        {isOnline && <span className="visually-hidden"> (online)</span>}
      </span>
      <time>{briefTime(activityOf(chat))}</time>
      <LastMessage chat={chat} />
      {chat.unread > 0 && (
        <span className="badge">
          {chat.unread > 99 ? "99+" : chat.unread}
          <span className="visually-hidden"> unread</span>
        </span>
      )}
    </button>
  );
}

function LastMessage({ chat }: { chat: Chat }) {
  const users = useAppState((state) => state.users);
  const myId = useAppState((state) => state.me?.id);
  const { lastMessage } = chat;
  if (!lastMessage) return <span className="chat-row-last" />;
  const sender = lastMessage.senderId === myId ? "You" : users.get(lastMessage.senderId)?.name;
  const isNamed = chat.kind !== "direct" || lastMessage.senderId === myId;
  return (
    <span className="chat-row-last">
      {isNamed && sender ? `${sender}: ` : ""}
      {lastMessage.deletedAt ? <em>Message deleted</em> : summaryOf(lastMessage)}
    </span>
  );
}
