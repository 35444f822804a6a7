import type { Message, SearchFragment, SearchHit } from "@parley/client";
import { Fragment, memo } from "react";
import { titleOf } from "../state/app-state.ts";
import { namesOf } from "./summary.ts";
import { dateOrTime, fullTime } from "./times.ts";
import { useAppState } from "./use-messenger.ts";

interface SearchHitRowProps {
  id: string;
  hit: SearchHit;
  isChosen: boolean;
  isOpening: boolean;
  onOpen: () => void;
}

export const SearchHitRow = memo(function SearchHitRow(props: SearchHitRowProps) {
  const { id, hit, isChosen, isOpening, onOpen } = props;
  const { message, fragments } = hit;
  const users = useAppState((state) => state.users);
  const chat = useAppState((state) => state.chats.get(message.chatId));
  const isOwn = useAppState((state) => state.me?.id === message.senderId);
  const createdAt = (message.createdAt ?? "") as string;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the box has the focus, and its keys choose and open
    // biome-ignore lint/a11y/useFocusableInteractive: as aria-activedescendant says, the focus stays in the box
    <div
      id={id}
      role="option"
      aria-selected={isChosen}
      aria-busy={isOpening}
      className="hit"
      onPointerDown={(event) => event.pointerType === "mouse" && event.preventDefault()}
      onClick={onOpen}
    >
      <span className="hit-chat">{chat ? titleOf(chat, users) : "…"}</span>
      <time dateTime={createdAt} title={fullTime(createdAt)}>
        {isOpening ? "Opening…" : dateOrTime(createdAt)}
      </time>
      <p className="hit-text">
        <span className="hit-sender">{isOwn ? "You" : (users.get(message.senderId)?.name ?? "…")}: </span>
        <Excerpt message={message} fragments={fragments} />
        {message.attachments.length > 0 && <span className="hit-files"> {namesOf(message.attachments)}</span>}
      </p>
    </div>
  );
});

/** Its own pieces of the text, with dots for what is left out. */
function Excerpt({ message, fragments }: { message: Message; fragments: readonly SearchFragment[] }) {
  if (fragments.length === 0) return message.text;
  return fragments.map(({ parts }, index) => {
    const text = parts.map((part) => part.text).join("");
    const isAtStart = index === 0 && message.text.startsWith(text);
    const isAtEnd = index === fragments.length - 1 && message.text.endsWith(text);
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a hit never change their places
      <Fragment key={index}>
        {index > 0 ? " … " : isAtStart ? "" : "… "}
        {parts.map((part, at) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          part.match ? <mark key={at}>{part.text}</mark> : part.text,
        )}
        {index === fragments.length - 1 && !isAtEnd ? " …" : ""}
      </Fragment>
    );
  });
}
