import type { Chat, Message, OutboxEntry } from "@parley/client";
import { Fragment, useMemo } from "react";
import type { Thread } from "../state/app-state.ts";
import { shownOf } from "../state/stretches.ts";
import { MessageRow } from "./message-row.tsx";
import { OutgoingRow } from "./outgoing-row.tsx";
import { PendingRow } from "./pending-row.tsx";
import { dayName, isSameDay } from "./times.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";
import { useReading } from "./use-reading.ts";
import { useScroll } from "./use-scroll.ts";

interface MessageListProps {
  chat: Chat;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

export function MessageList(props: MessageListProps) {
  const thread = useAppState((state) => state.threads.get(props.chat.id));
  if (!thread?.isLoaded) return <p className="messages loading">Loading…</p>;
  return <LoadedList {...props} thread={thread} />;
}

function LoadedList({ chat, thread, onReply, onEdit }: MessageListProps & { thread: Thread }) {
  const messenger = useMessenger();
  const outbox = useAppState((state) => state.outbox);
  const focus = useAppState((state) => (state.focus?.chatId === chat.id ? state.focus : undefined));
  const { members, excerpt, isLoadingOlder, isLoadingNewer } = thread;
  const { messages, hasOlder } = shownOf(thread);
  const hasNewer = excerpt !== undefined;
  const unsent = useMemo(
    () => notYetIn(thread.messages, chat.id, outbox),
    [thread.messages, chat.id, outbox],
  );
  const pending = hasNewer ? [] : unsent;
  const outgoing = useAppState((state) => state.outgoing);
  const uploading = hasNewer ? [] : outgoing.filter((one) => one.chatId === chat.id && one.submitted);
  const byId = useMemo(() => new Map(messages.map((message) => [message.id, message])), [messages]);
  const scroll = useScroll({
    firstSeq: messages[0]?.seq,
    count: messages.length + pending.length + uploading.length,
    ownPending: unsent.length + uploading.length,
    hasNewer,
    focus,
    onNearTop: () => messenger.loadOlder(chat.id),
    onNearBottom: () => messenger.loadNewer(chat.id),
  });
  const isEndInView = scroll.isAtBottom && !hasNewer;
  useReading(chat, isEndInView);

  function toLatest(): void {
    scroll.toBottom();
    messenger.showLatest(chat.id);
  }

  return (
    <div className="messages-place">
      <div className="messages" ref={scroll.ref} onScroll={scroll.onScroll}>
        <p className="history-start" role="status">
          {isLoadingOlder ? "Loading…" : hasOlder ? "" : "This is the beginning of the chat."}
        </p>
        <ol aria-label="Messages">
          {messages.map((message, index) => (
            <Fragment key={message.id}>
              {startsDay(messages[index - 1], message) && (
                <li className="day">
                  <span>{dayName(timeOf(message))}</span>
                </li>
              )}
              <MessageRow
                message={message}
                answered={message.replyTo ? (byId.get(message.replyTo) ?? "unknown") : undefined}
                chat={chat}
                members={members}
                continues={continues(messages[index - 1], message)}
                isFocused={focus?.no === message.no}
                onReply={onReply}
                onEdit={onEdit}
              />
            </Fragment>
          ))}
          {pending.map((entry) => (
            <PendingRow key={entry.clientId} entry={entry} />
          ))}
          {uploading.map((one) => (
            <OutgoingRow key={one.id} outgoing={one} />
          ))}
        </ol>
        {hasNewer && <p className="loading">{isLoadingNewer ? "Loading…" : ""}</p>}
      </div>
      {!isEndInView && (
        <button type="button" className="to-bottom" onClick={toLatest}>
          ↓ Latest{chat.unread > 0 && ` (${chat.unread > 99 ? "99+" : chat.unread} new)`}
        </button>
      )}
    </div>
  );
}

/** A message may be delivered before its acknowledgement has come. */
function notYetIn(
  messages: readonly Message[],
  chatId: string,
  outbox: readonly OutboxEntry[],
): OutboxEntry[] {
  const mine = outbox.filter((entry) => entry.chatId === chatId);
  if (mine.length === 0) return mine;
  const delivered = new Set(messages.map(({ clientId }) => clientId));
  return mine.filter(({ clientId }) => !delivered.has(clientId));
}

const timeOf = (message: Message) => (message.createdAt ?? "") as string;

function startsDay(before: Message | undefined, message: Message): boolean {
  return before === undefined || !isSameDay(new Date(timeOf(before)), new Date(timeOf(message)));
}

const sameBreathMs = 5 * 60_000;

/** Whether it belongs to the message before it: the name need not be shown again. */
function continues(before: Message | undefined, message: Message): boolean {
  if (before?.senderId !== message.senderId || startsDay(before, message)) return false;
  return Date.parse(timeOf(message)) - Date.parse(timeOf(before)) < sameBreathMs;
}
