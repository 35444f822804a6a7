import type { BlobUsage } from "@parley/client";
import { useEffect, useId, useRef, useState } from "react";
import { describeError } from "../state/describe-error.ts";
import { sizeText } from "./sizes.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

/** Who one is here, and how much one keeps here. */
export function AccountDialog({ onClose }: { onClose: () => void }) {
  const me = useAppState((state) => state.me);
  const dialog = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog account" aria-labelledby={headingId} onClose={onClose}>
      <h2 id={headingId}>{me?.name}</h2>
      {me?.email && <p className="hint">{me.email}</p>}
      <h3>Files</h3>
      <Usage />
      <footer>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </footer>
    </dialog>
  );
}

function Usage() {
  const messenger = useMessenger();
  const [usage, setUsage] = useState<BlobUsage>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    let isCurrent = true;
    messenger.fileUsage().then(
      (found) => isCurrent && setUsage(found),
      (error) => isCurrent && setProblem(describeError(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [messenger]);

  if (problem) return <p className="problem">{problem}</p>;
  if (!usage) return <p className="hint">…</p>;
  const { used, quota } = usage;
  const text = `${sizeText(used)} of ${sizeText(quota)}`;
  return (
    <>
      <meter min={0} max={quota} high={quota * 0.9} value={used} aria-label="Room taken by your files">
        {text}
      </meter>
      <p className="hint">{text}</p>
    </>
  );
}
