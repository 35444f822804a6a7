import type { Chat, Message } from "@parley/client";
import { useEffect, useRef, useState } from "react";
import { useMessenger } from "./use-messenger.ts";

interface MessageMenuProps {
  message: Message;
  chat: Chat;
  isOwn: boolean;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

const emojis = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

export function MessageMenu(props: MessageMenuProps) {
  const [isOpen, setIsOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <div className={isOpen ? "menu-place is-open" : "menu-place"}>
      <button
        ref={button}
        type="button"
        className="menu-button"
        aria-label="Message actions"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        ⋯
      </button>
      {isOpen && (
        <Menu
          {...props}
          onClose={(isByKey) => {
            setIsOpen(false);
            if (isByKey) button.current?.focus();
          }}
        />
      )}
    </div>
  );
}

function Menu({
  message,
  chat,
  isOwn,
  onReply,
  onEdit,
  onClose,
}: MessageMenuProps & { onClose: (isByKey: boolean) => void }) {
  const messenger = useMessenger();
  const menu = useRef<HTMLDivElement>(null);
  const mayDelete = isOwn || chat.role === "owner" || chat.role === "admin";

  useEffect(() => {
    menu.current?.querySelector("button")?.focus();
    if (menu.current) keepWithinList(menu.current);
    menu.current?.scrollIntoView({ block: "nearest" });
    const onPointerDown = (event: PointerEvent) => {
      if (!menu.current?.parentElement?.contains(event.target as Node)) onClose(false);
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [onClose]);

  const act = (action: () => unknown) => () => {
    onClose(true);
    action();
  };
  const isMine = (emoji: string) =>
    message.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);

  return (
    <div
      ref={menu}
      className="menu"
      role="menu"
      aria-label="Message actions"
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === "Escape" || event.key === "Tab") onClose(true);
        else moveFocus(event, menu.current);
      }}
    >
      <div className="menu-emojis">
        {emojis.map((emoji) => (
          <button
            key={emoji}
            type="button"
            role="menuitemcheckbox"
            aria-checked={isMine(emoji)}
            aria-label={`React with ${emoji}`}
            onClick={act(() => messenger.react(chat.id, message.id, { emoji, remove: isMine(emoji) }))}
          >
            {emoji}
          </button>
        ))}
      </div>
      <button type="button" role="menuitem" onClick={act(() => onReply(message))}>
        Reply
      </button>
      {isOwn && (
        <button type="button" role="menuitem" onClick={act(() => onEdit(message))}>
          Edit
        </button>
      )}
      {mayDelete && (
        <button
          type="button"
          role="menuitem"
          className="danger"
          onClick={act(() => messenger.delete(chat.id, message.id))}
        >
          Delete
        </button>
      )}
    </div>
  );
}

const marginPx = 4;

/** It opens to the left, where beside a wide message, or under a short one of another's, there may be no room. */
function keepWithinList(menu: HTMLElement): void {
  const list = menu.closest(".messages-place")?.getBoundingClientRect();
  const missingPx = (list?.left ?? 0) - menu.getBoundingClientRect().left;
  if (missingPx > 0) menu.style.translate = `${Math.ceil(missingPx) + marginPx}px`;
}

const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

function moveFocus(event: React.KeyboardEvent, menu: HTMLElement | null): void {
  const step = steps[event.key];
  if (step === undefined || !menu) return;
  event.preventDefault();
  const buttons = [...menu.querySelectorAll("button")];
  const index = buttons.indexOf(document.activeElement as HTMLButtonElement);
  buttons[(index + step + buttons.length) % buttons.length]?.focus();
}
