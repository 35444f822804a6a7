import type { OutboxEntry } from "@parley/client";
import { describeError } from "../state/describe-error.ts";
import { namesOf } from "./summary.ts";
import { useMessenger } from "./use-messenger.ts";

/** A message of one's own that the server has not acknowledged. */
export function PendingRow({ entry }: { entry: OutboxEntry }) {
  const messenger = useMessenger();
  const hasFailed = entry.state === "failed";
  return (
    <li className={hasFailed ? "message own failed" : "message own pending"}>
      <div className="bubble">
        {entry.attachments.length > 0 && <p className="hint">{namesOf(entry.attachments)}</p>}
        {entry.text !== "" && <p className="text">{entry.text}</p>}
        {!hasFailed && (
          <span className="meta" role="img" aria-label="Sending">
            ◷
          </span>
        )}
      </div>
      {hasFailed && (
        <p className="failure" role="alert">
          Not sent{entry.error ? `: ${describeError(entry.error)}` : "."}
          <button type="button" className="plain" onClick={() => messenger.retry(entry.clientId)}>
            Try again
          </button>
          <button type="button" className="plain" onClick={() => messenger.discard(entry.clientId)}>
            Discard
          </button>
        </p>
      )}
    </li>
  );
}
