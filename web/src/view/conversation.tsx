import type { Chat, Message } from "@parley/client";
import { useState } from "react";
import { nameIn, titleOf } from "../state/app-state.ts";
import { Avatar } from "./avatar.tsx";
import { ChatSettings } from "./chat-settings.tsx";
import { Composer, type ComposerMode } from "./composer.tsx";
import { MessageList } from "./message-list.tsx";
import { useFileDrop } from "./use-file-drop.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

const writing: ComposerMode = { kind: "new" };

export function Conversation({ chatId }: { chatId: string }) {
  const chat = useAppState((state) => state.chats.get(chatId));
  const [mode, setMode] = useState<ComposerMode>(writing);
  const messenger = useMessenger();
  const canWrite = chat?.kind !== "channel" || chat.role === "owner" || chat.role === "admin";
  const mayDrop = canWrite && mode.kind !== "edit";
  const drop = useFileDrop((files) => mayDrop && messenger.files.add(chatId, files));
  if (!chat) return null;
  return (
    <main className="conversation" {...drop.handlers}>
      {drop.isOver && mayDrop && <p className="drop-hint">Drop files to send them</p>}
      <Header chat={chat} />
      <MessageList
        chat={chat}
        onReply={(message: Message) => setMode({ kind: "reply", message })}
        onEdit={(message: Message) => setMode({ kind: "edit", message })}
      />
      {canWrite ? (
        <Composer chatId={chatId} mode={mode} onDone={() => setMode(writing)} />
      ) : (
        <p className="hint read-only">Only admins write in this channel.</p>
      )}
    </main>
  );
}

function Header({ chat }: { chat: Chat }) {
  const messenger = useMessenger();
  const users = useAppState((state) => state.users);
  const isOnline = useAppState((state) => state.online.has(chat.peerId));
  const [isChoosing, setIsChoosing] = useState(false);
  const title = titleOf(chat, users);
  const mayChoose = chat.kind === "direct" || chat.role === "owner" || chat.role === "admin";
  return (
    <header className="conversation-header">
      <button
        type="button"
        className="plain back"
        aria-label="Back to chats"
        onClick={() => messenger.openChat(undefined)}
      >
        ←
      </button>
      <Avatar name={title} seed={chat.peerId || chat.id} isOnline={isOnline} />
      <div className="conversation-title">
        <h1>{title}</h1>
        <Subtitle chat={chat} isOnline={isOnline} />
      </div>
      {mayChoose ? (
        <button type="button" className="plain chat-settings" onClick={() => setIsChoosing(true)}>
          {chat.processor ? `Processor: ${chat.processor}` : "Settings"}
        </button>
      ) : (
        chat.processor && <p className="hint chat-settings">Processor: {chat.processor}</p>
      )}
      {isChoosing && <ChatSettings chat={chat} onClose={() => setIsChoosing(false)} />}
    </header>
  );
}

const noTypists: ReadonlyMap<string, number> = new Map();

function Subtitle({ chat, isOnline }: { chat: Chat; isOnline: boolean }) {
  const users = useAppState((state) => state.users);
  const typists = useAppState((state) => state.typing.get(chat.id) ?? noTypists);
  const members = useAppState((state) => state.threads.get(chat.id)?.members) ?? [];
  const myId = useAppState((state) => state.me?.id);
  return (
    <p className="subtitle" role="status">
      {typists.size > 0 ? <span className="typing">{typingText()}</span> : quietText()}
    </p>
  );

  function typingText(): string {
    if (chat.kind === "direct") return "typing…";
    const names = [...typists.keys()].map((id) => nameIn(members, users, id) ?? "Somebody");
    return names.length > 2
      ? "several people are typing…"
      : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`;
  }

  function quietText(): string {
    if (chat.kind === "direct") return isOnline ? "online" : "offline";
    const names = members.map(({ userId }) => (userId === myId ? "You" : nameIn(members, users, userId)));
    const known = names.filter((name) => name !== undefined);
    const count = `${chat.memberCount} ${chat.memberCount === 1 ? "member" : "members"}`;
    return known.length > 0 && known.length <= 8 ? `${count}: ${known.join(", ")}` : count;
  }
}
