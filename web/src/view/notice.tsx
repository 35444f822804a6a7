import { useAppState, useMessenger } from "./use-messenger.ts";

export function Notice() {
  const messenger = useMessenger();
  const notice = useAppState((state) => state.notice);
  if (!notice) return null;
  return (
    <div className="notice" role="alert">
      <span>{notice}</span>
      <button type="button" className="plain" onClick={messenger.dismissNotice}>
        Dismiss
      </button>
    </div>
  );
}
