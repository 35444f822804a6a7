import type { Message } from "@parley/client";
import { useEffect, useRef, useState } from "react";
import { draftOf } from "../state/outgoing-state.ts";
import { AttachButton } from "./attach-button.tsx";
import { OutgoingFiles } from "./outgoing-files.tsx";
import { summaryOf } from "./summary.ts";
import { filesOf } from "./use-file-drop.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

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
  const outgoing = useAppState((state) => state.outgoing);
  const files = mode.kind === "edit" ? [] : (draftOf(outgoing, chatId)?.files ?? []);
  const hasContent = text.trim() !== "" || files.length > 0;
  const hasFailed = files.some(({ status }) => status === "failed");

  useEffect(() => {
    if (mode.kind === "edit") setText(mode.message.text);
    field.current?.focus();
  }, [mode]);

  function submit(): void {
    const trimmed = text.trim();
    if (!hasContent || hasFailed) return;
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

  function onPaste(event: React.ClipboardEvent): void {
    // A table copied from a spreadsheet comes as text and as a picture of it: the text is meant.
    if (mode.kind === "edit" || event.clipboardData.types.includes("text/plain")) return;
    const pasted = filesOf(event.clipboardData);
    if (pasted.length === 0) return;
    event.preventDefault();
    messenger.files.add(chatId, pasted);
  }

  return (
    <form
      className={mode.kind === "edit" ? "composer editing" : "composer"}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {mode.kind !== "new" && (
        <p className="composer-mode">
          <strong>{mode.kind === "edit" ? "Editing" : "Answering"}</strong>
          <span>{summaryOf(mode.message)}</span>
          <button type="button" className="plain" onClick={leave}>
            Cancel
          </button>
        </p>
      )}
      {files.length > 0 && <OutgoingFiles files={files} />}
      {mode.kind !== "edit" && <AttachButton onFiles={(chosen) => messenger.files.add(chatId, chosen)} />}
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
        onPaste={onPaste}
      />
      <button type="submit" disabled={!hasContent || hasFailed}>
        {mode.kind === "edit" ? "Save" : "Send"}
      </button>
    </form>
  );
}
