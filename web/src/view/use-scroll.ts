/** Keeps a list of messages where the reader expects it: at the end, or at the message that is being looked at. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

interface ScrollOptions {
  /** Of the first message: when it gets smaller, older messages were put in front. */
  firstSeq: number | undefined;
  count: number;
  /** One's own messages that were just written: they are always scrolled to. */
  ownPending: number;
  onNearTop: () => void;
}

interface Scroll {
  ref: RefObject<HTMLDivElement | null>;
  isAtBottom: boolean;
  onScroll: () => void;
  toBottom: () => void;
}

const nearTopPx = 300;
const nearBottomPx = 60;

export function useScroll({ firstSeq, count, ownPending, onNearTop }: ScrollOptions): Scroll {
  const ref = useRef<HTMLDivElement>(null);
  const [isAtBottom, setIsAtBottom] = useState(true);
  // As it was after the last layout; the new layout is compared with it.
  const last = useRef({ firstSeq, count: 0, ownPending: 0, height: 0, isAtBottom: true });

  const toBottom = useCallback(() => {
    const list = ref.current;
    if (list) list.scrollTop = list.scrollHeight;
  }, []);

  useLayoutEffect(() => {
    const list = ref.current;
    if (!list) return;
    const before = last.current;
    const isPrepended = firstSeq !== undefined && before.firstSeq !== undefined && firstSeq < before.firstSeq;
    if (isPrepended) list.scrollTop += list.scrollHeight - before.height;
    else if (before.isAtBottom || ownPending > before.ownPending) toBottom();
    last.current = { ...before, firstSeq, count, ownPending, height: list.scrollHeight };
  }, [firstSeq, count, ownPending, toBottom]);

  const onScroll = useCallback(() => {
    const list = ref.current;
    if (!list) return;
    const isNow = list.scrollHeight - list.scrollTop - list.clientHeight < nearBottomPx;
    last.current.isAtBottom = isNow;
    last.current.height = list.scrollHeight;
    setIsAtBottom(isNow);
    if (list.scrollTop < nearTopPx) onNearTop();
  }, [onNearTop]);

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
