import { useEffect, useId, useRef, useState } from "react";
import { SearchHints } from "./search-hints.tsx";
import { optionId, SearchResults } from "./search-results.tsx";
import { useAppState, useMessenger } from "./use-messenger.ts";

/** The search box, and below it what was found. The box keeps the focus while the arrow keys choose. */
export function SearchPanel() {
  const messenger = useMessenger();
  const search = useAppState((state) => state.search);
  const box = useRef<HTMLInputElement>(null);
  const listId = useId();
  const [hasFocus, setHasFocus] = useState(false);
  const [chosen, setChosen] = useState(-1);
  useShortcut(box);

  const { text, status, hits } = search;
  const isOpen = status !== "empty";
  const last = hits.length - 1;
  const index = Math.min(chosen, last);

  function onKeyDown(event: React.KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") setChosen(Math.min(index + 1, last));
    else if (event.key === "ArrowUp") setChosen(Math.max(index - 1, -1));
    else if (event.key === "Enter") open(Math.max(index, 0));
    else return;
    event.preventDefault();
  }

  function open(at: number): void {
    const hit = hits[at];
    // What is listed while it searches was found for another text.
    if (!hit || status === "searching") return;
    setChosen(at);
    messenger.openMessage(hit.message);
  }

  function change(next: string): void {
    setChosen(-1);
    messenger.search.setText(next);
  }

  function close(): void {
    setChosen(-1);
    messenger.search.close();
    box.current?.blur();
  }

  return (
    <>
      <search className="search-box">
        <input
          ref={box}
          type="text"
          inputMode="search"
          enterKeyHint="search"
          role="combobox"
          aria-label="Search messages"
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={isOpen ? listId : undefined}
          aria-activedescendant={index >= 0 ? optionId(listId, index) : undefined}
          aria-keyshortcuts="/ Control+K"
          placeholder="Search messages"
          maxLength={1000}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
          onFocus={() => setHasFocus(true)}
          onBlur={() => setHasFocus(false)}
        />
        {text === "" ? (
          <span className="key" aria-hidden="true">
            /
          </span>
        ) : (
          <button type="button" className="plain" aria-label="Close search" onClick={close}>
            ×
          </button>
        )}
      </search>
      {((hasFocus && !isOpen) || status === "short") && (
        <SearchHints
          onChoose={(operator) => change(text === "" ? operator : `${text.trimEnd()} ${operator}`)}
        />
      )}
      {isOpen && <SearchResults listId={listId} chosen={index} onOpen={open} />}
    </>
  );
}

/** "/" where nobody writes, and Ctrl-K anywhere. */
function useShortcut(box: React.RefObject<HTMLInputElement | null>): void {
  const messenger = useMessenger();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!isShortcut(event) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      // On a phone the box is not there while a chat is open.
      if (box.current?.offsetParent === null) messenger.openChat(undefined);
      requestAnimationFrame(() => {
        box.current?.focus();
        box.current?.select();
      });
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [messenger, box]);
}

function isShortcut({ key, ctrlKey, metaKey, altKey, shiftKey, target }: KeyboardEvent): boolean {
  if (altKey) return false;
  if (ctrlKey || metaKey) return !shiftKey && key.toLowerCase() === "k";
  const isWriting = target instanceof Element && target.closest("input, textarea, select") !== null;
  return key === "/" && !isWriting;
}
