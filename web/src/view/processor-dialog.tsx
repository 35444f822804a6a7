import type { Chat, Processor } from "@parley/client";
import { useEffect, useId, useRef, useState } from "react";
import { describeError } from "../state/describe-error.ts";
import { useMessenger } from "./use-messenger.ts";

/** Choose what each new message of the chat is processed by. */
export function ProcessorDialog({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const messenger = useMessenger();
  const dialog = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  const [processors, setProcessors] = useState<Processor[]>();
  const [chosen, setChosen] = useState(chat.processor);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    dialog.current?.showModal();
    let isCurrent = true;
    messenger.listProcessors().then(
      (found) => isCurrent && setProcessors(found),
      (error) => isCurrent && setProblem(describeError(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [messenger]);

  async function save(): Promise<void> {
    try {
      await messenger.chooseProcessor(chat.id, chosen);
      onClose();
    } catch (error) {
      setProblem(describeError(error));
    }
  }

  // The chat's own is shown also when it is offered no more.
  const ids = new Set([
    ...(processors ?? []).map(({ id }) => id),
    ...(chat.processor ? [chat.processor] : []),
  ]);
  const aboutOf = (id: string) => processors?.find((processor) => processor.id === id)?.about;
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={headingId} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <h2 id={headingId}>Processing</h2>
        <label className="field">
          New messages are processed by
          <select value={chosen} onChange={(event) => setChosen(event.target.value)}>
            <option value="">nothing</option>
            {[...ids].map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <p className="hint" role="status">
          {chosen && aboutOf(chosen)}
        </p>
        <p className="hint">
          {chosen
            ? "Each new message is sent to a provider outside, and what it makes of it is shown below the message. What that costs is charged to you."
            : "Messages stay as they are."}
        </p>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <footer>
          <button type="button" className="plain" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit">Save</button>
        </footer>
      </form>
    </dialog>
  );
}
