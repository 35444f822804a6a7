/** Keeps a list of messages where the reader expects it: at the end, or at the message that is being looked at. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Focus } from "../state/app-state.ts";

interface ScrollOptions {
  /** Of the first message: when it gets smaller, older messages were put in front. */
  firstSeq: number | undefined;
  count: number;
  /** One's own messages that were just written: they are always scrolled to. */
  ownPending: number;
  /** The end of the list is not the end of the chat. */
  hasNewer: boolean;
  /** The message to go to, once for each jump. */
  focus: Focus | undefined;
  onNearTop: () => void;
  /** Only where `hasNewer`. */
  onNearBottom: () => void;
}

interface Scroll {
  ref: RefObject<HTMLDivElement | null>;
  /** At the end of the chat. */
  isAtBottom: boolean;
  onScroll: () => void;
  /** Goes there, and stays there when the list changes. */
  toBottom: () => void;
}

const nearEndPx = 300;
const nearBottomPx = 60;

export function useScroll(options: ScrollOptions): Scroll {
  const { firstSeq, count, ownPending, hasNewer, focus, onNearTop, onNearBottom } = options;
  const ref = useRef<HTMLDivElement>(null);
  const isAtEnd = focus === undefined && !hasNewer;
  const [isAtBottom, setIsAtBottom] = useState(isAtEnd);
  // As it was after the last layout; the new layout is compared with it.
  const last = useRef({ firstSeq, ownPending: 0, height: 0, isAtBottom: isAtEnd, jump: 0 });

  const toBottom = useCallback(() => {
    last.current.isAtBottom = true;
    const list = ref.current;
    if (list) list.scrollTop = list.scrollHeight;
  }, []);

  const look = useCallback(
    (list: HTMLDivElement) => {
      const isNow = !hasNewer && belowView(list) < nearBottomPx;
      last.current.isAtBottom = isNow;
      last.current.height = list.scrollHeight;
      setIsAtBottom(isNow);
    },
    [hasNewer],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: the list's layout depends on the count
  useLayoutEffect(() => {
    const list = ref.current;
    if (!list) return;
    const before = last.current;
    const isPrepended = firstSeq !== undefined && before.firstSeq !== undefined && firstSeq < before.firstSeq;
    const isJump = focus !== undefined && focus.jump !== before.jump;
    const isWriting = ownPending > before.ownPending;
    last.current = { ...before, firstSeq, ownPending, jump: focus?.jump ?? before.jump };
    if (isJump && center(list, focus.no)) look(list);
    else if (isPrepended) list.scrollTop += list.scrollHeight - before.height;
    else if (before.isAtBottom || isWriting) toBottom();
    last.current.height = list.scrollHeight;
  }, [firstSeq, count, ownPending, focus, look, toBottom]);

  const onScroll = useCallback(() => {
    const list = ref.current;
    if (!list) return;
    look(list);
    if (list.scrollTop < nearEndPx) onNearTop();
    if (hasNewer && belowView(list) < nearEndPx) onNearBottom();
  }, [look, hasNewer, onNearTop, onNearBottom]);

  // The window, the keyboard of a phone, and the growing composer change the height without scrolling.
  useEffect(() => {
    const list = ref.current;
    if (!list) return;
    const observer = new ResizeObserver(() => {
      last.current.height = list.scrollHeight;
      if (last.current.isAtBottom) toBottom();
    });
    observer.observe(list);
    for (const child of list.children) observer.observe(child);
    return () => observer.disconnect();
  }, [toBottom]);

  return { ref, isAtBottom, onScroll, toBottom };
}

function belowView(list: HTMLElement): number {
  return list.scrollHeight - list.scrollTop - list.clientHeight;
}

/** Returns whether the message is there. */
function center(list: HTMLElement, no: number): boolean {
  const row = list.querySelector(`[data-no="${no}"]`);
  if (!row) return false;
  const { top, height } = row.getBoundingClientRect();
  list.scrollTop += top - list.getBoundingClientRect().top - (list.clientHeight - height) / 2;
  return true;
}
