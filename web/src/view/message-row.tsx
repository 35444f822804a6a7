import type { Chat, Member, Message } from "@parley/client";
import { memo } from "react";
import { nameIn, readBy } from "../state/app-state.ts";
import { MessageAttachments } from "./message-attachments.tsx";
import { MessageMenu } from "./message-menu.tsx";
import { summaryOf } from "./summary.ts";
import { clockTime, fullTime } from "./times.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

interface MessageRowProps {
  message: Message;
  /** The message that this one answers; "unknown" when it is not loaded. */
  answered: Message | "unknown" | undefined;
  chat: Chat;
  members: readonly Member[];
  continues: boolean;
  /** It was just jumped to. */
  isFocused: boolean;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, answered, chat, members, continues, isFocused } = props;
  const users = useAppState((state) => state.users);
  const isOwn = useAppState((state) => state.me?.id === message.senderId);
  const isDeleted = message.deletedAt !== undefined;
  const name = nameIn(members, users, message.senderId) ?? "…";
  const createdAt = (message.createdAt ?? "") as string;
  const classes = [
    "message",
    isOwn && "own",
    continues && "continues",
    isDeleted && "deleted",
    isFocused && "focused",
  ];
  return (
    <li
      className={classes.filter(Boolean).join(" ")}
      data-no={message.no}
      aria-current={isFocused ? "true" : undefined}
    >
      {!isOwn && !continues && chat.kind !== "direct" && <p className="sender">{name}</p>}
      <span className="visually-hidden">{isOwn ? "You" : name}:</span>
      <div className="bubble">
        {answered && !isDeleted && <Answered message={answered} />}
        {message.attachments.length > 0 && <MessageAttachments message={message} />}
        {(isDeleted || message.text !== "") && (
          <p className="text">{isDeleted ? "Message deleted" : message.text}</p>
        )}
        <span className="meta">
          {message.editedAt && !isDeleted && <span>edited</span>}
          <time dateTime={createdAt} title={fullTime(createdAt)}>
            {clockTime(createdAt)}
          </time>
          {isOwn && !isDeleted && <Ticks state={readBy(message, members)} />}
        </span>
        {message.processed && (
          <p className="processed" title={`${message.processed.processor}, by ${message.processed.provider}`}>
            <span className="visually-hidden">Processed: </span>
            <span>{message.processed.result}</span>
          </p>
        )}
        {!isDeleted && <MessageMenu {...props} isOwn={isOwn} />}
      </div>
      {message.reactions.length > 0 && <Reactions message={message} />}
    </li>
  );
});

const tickLabels = { none: "Sent", some: "Read by some", all: "Read" };

function Ticks({ state }: { state: keyof typeof tickLabels }) {
  return (
    <span
      className={`ticks read-by-${state}`}
      role="img"
      aria-label={tickLabels[state]}
      title={tickLabels[state]}
    >
      {state === "none" ? "✓" : "✓✓"}
    </span>
  );
}

function Answered({ message }: { message: Message | "unknown" }) {
  const users = useAppState((state) => state.users);
  if (message === "unknown") return <p className="answered">An earlier message</p>;
  return (
    <p className="answered">
      <strong>{users.get(message.senderId)?.name}</strong>
      <span>{message.deletedAt ? "Message deleted" : summaryOf(message)}</span>
    </p>
  );
}

function Reactions({ message }: { message: Message }) {
  const messenger = useMessenger();
  return (
    <ul className="reactions" aria-label="Reactions">
      {message.reactions.map(({ emoji, count, mine }) => (
        <li key={emoji}>
          <button
            type="button"
            aria-pressed={mine}
            aria-label={`${emoji} ${count}`}
            onClick={() => void messenger.react(message.chatId, message.id, { emoji, remove: mine })}
          >
            {emoji} {count}
          </button>
        </li>
      ))}
    </ul>
  );
}
