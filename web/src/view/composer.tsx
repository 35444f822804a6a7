import type { Message } from "@parley/client";
import { useEffect, useRef, useState } from "react";
import { useMessenger } from "./use-messenger.ts";

export type ComposerMode =
  | { kind: "new" }
  | { kind: "reply"; message: Message }
  | { kind: "edit"; message: Message };

interface ComposerProps {
  chatId: string;
  mode: ComposerMode;
  /** The reply or edit is over, sent or not. */
  onDone: () => void;
}

export function Composer({ chatId, mode, onDone }: ComposerProps) {
  const messenger = useMessenger();
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (mode.kind === "edit") setText(mode.message.text);
    field.current?.focus();
  }, [mode]);

  function submit(): void {
    const trimmed = text.trim();
    if (trimmed === "") return;
    if (mode.kind === "edit") void messenger.edit(chatId, mode.message.id, trimmed);
    else messenger.send(chatId, trimmed, mode.kind === "reply" ? mode.message.id : undefined);
    leave();
  }

  function leave(): void {
    setText("");
    if (mode.kind !== "new") onDone();
  }

  function onKeyDown(event: React.KeyboardEvent): void {
    // While an input method composes a character, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && mode.kind !== "new") {
      leave();
    }
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {mode.kind !== "new" && (
        <p className="composer-mode">
          <strong>{mode.kind === "edit" ? "Editing" : "Answering"}</strong>
          <span>{mode.message.text}</span>
          <button type="button" className="plain" onClick={leave}>
            Cancel
          </button>
        </p>
      )}
      <textarea
        ref={field}
        rows={1}
        value={text}
        aria-label="Message"
        placeholder="Write a message"
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value !== "") messenger.typing(chatId);
        }}
        onKeyDown={onKeyDown}
      />
      <button type="submit" disabled={text.trim() === ""}>
        {mode.kind === "edit" ? "Save" : "Send"}
      </button>
    </form>
  );
}
