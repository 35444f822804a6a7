import type { Outgoing } from "../state/outgoing-state.ts";
import { OutgoingFiles } from "./outgoing-files.tsx";

/** A message of one's own that waits for its files to be uploaded. */
export function OutgoingRow({ outgoing }: { outgoing: Outgoing }) {
  const { files, submitted } = outgoing;
  return (
    <li className="message own pending">
      <div className="bubble">
        <OutgoingFiles files={files} />
        {submitted?.text && <p className="text">{submitted.text}</p>}
        <span className="meta" role="img" aria-label="Sending">
          ◷
        </span>
      </div>
    </li>
  );
}
