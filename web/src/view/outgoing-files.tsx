import { useState } from "react";
import type { OutgoingFile } from "../state/outgoing-state.ts";
import { sizeText } from "./sizes.ts";
import { useMessenger } from "./use-messenger.ts";

/** Files on their way to the server, each with its progress, and what went wrong. */
export function OutgoingFiles({ files }: { files: readonly OutgoingFile[] }) {
  return (
    <ul className="outgoing-files" aria-label="Files to send">
      {files.map((file) => (
        <li key={file.id}>
          <OutgoingChip file={file} />
        </li>
      ))}
    </ul>
  );
}

function OutgoingChip({ file }: { file: OutgoingFile }) {
  const { files } = useMessenger();
  const { id, name, size, sent, status, previewUrl, problem, canRetry } = file;
  const [isShowable, setIsShowable] = useState(true);
  return (
    <div className={`outgoing-file ${status}`}>
      {previewUrl && isShowable ? (
        <img src={previewUrl} alt="" onError={() => setIsShowable(false)} />
      ) : (
        <FileIcon />
      )}
      <span className="file-name" title={name}>
        {name}
      </span>
      <span className="hint">{sizeText(size)}</span>
      <button
        type="button"
        className="plain remove"
        aria-label={`Remove ${name}`}
        onClick={() => files.remove(id)}
      >
        ×
      </button>
      {status === "uploading" && (
        <progress aria-label={`Uploading ${name}`} max={Math.max(size, 1)} value={sent} />
      )}
      {problem && (
        <p className="problem" role="alert">
          {problem}{" "}
          {canRetry && (
            <button type="button" className="plain" onClick={() => files.retry(id)}>
              Try again
            </button>
          )}
        </p>
      )}
    </div>
  );
}

export function FileIcon() {
  return (
    <svg className="file-icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M6 2h8l5 5v15H6z M14 2v5h5" />
    </svg>
  );
}
