import { useEffect } from "react";
import { useAppState, useMessenger } from "./use-messenger.ts";

/** It lies over the conversation: so it goes by itself, too. */
const shownMs = 10_000;

export function Notice() {
  const { dismissNotice } = useMessenger();
  const notice = useAppState((state) => state.notice);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(dismissNotice, shownMs);
    return () => clearTimeout(timer);
  }, [notice, dismissNotice]);
  if (!notice) return null;
  return (
    <div className="notice" role="alert">
      <span>{notice}</span>
      <button type="button" className="plain" onClick={dismissNotice}>
        Dismiss
      </button>
    </div>
  );
}
