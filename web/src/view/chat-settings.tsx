import type { Chat, ChatChanges, Processor } from "@parley/client";
import { useEffect, useId, useRef, useState } from "react";
import { describeError } from "../state/describe-error.ts";
import { languageName, languages } from "./languages.ts";
import { useMessenger } from "./use-messenger.ts";

/** Choose what each new message of the chat is processed by, and which language the chat is in. */
export function ChatSettings({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const messenger = useMessenger();
  const dialog = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  const [processor, setProcessor] = useState(chat.processor);
  const [language, setLanguage] = useState(chat.language);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  async function save(): Promise<void> {
    const changes: ChatChanges = {
      ...(processor === chat.processor ? {} : { processor }),
      ...(language === chat.language ? {} : { language }),
    };
    try {
      if (Object.keys(changes).length > 0) await messenger.changeChat(chat.id, changes);
      onClose();
    } catch (error) {
      setProblem(describeError(error));
    }
  }

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={headingId} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <h2 id={headingId}>Chat settings</h2>
        <ProcessorField chat={chat} chosen={processor} onChoose={setProcessor} onProblem={setProblem} />
        <LanguageField own={chat.language} chosen={language} onChoose={setLanguage} />
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

interface ProcessorFieldProps {
  chat: Chat;
  chosen: string;
  onChoose: (id: string) => void;
  onProblem: (problem: string) => void;
}

function ProcessorField({ chat, chosen, onChoose, onProblem }: ProcessorFieldProps) {
  const messenger = useMessenger();
  const [processors, setProcessors] = useState<Processor[]>();

  useEffect(() => {
    let isCurrent = true;
    messenger.listProcessors().then(
      (found) => isCurrent && setProcessors(found),
      (error) => isCurrent && onProblem(describeError(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [messenger, onProblem]);

  // The chat's own is shown also when it is offered no more.
  const ids = new Set([
    ...(processors ?? []).map(({ id }) => id),
    ...(chat.processor ? [chat.processor] : []),
  ]);
  const aboutOf = (id: string) => processors?.find((processor) => processor.id === id)?.about;
  return (
    <>
      <label className="field">
        New messages are processed by
        <select value={chosen} onChange={(event) => onChoose(event.target.value)}>
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
    </>
  );
}

interface LanguageFieldProps {
  own: string;
  chosen: string;
  onChoose: (language: string) => void;
}

function LanguageField({ own, chosen, onChoose }: LanguageFieldProps) {
  const hintId = useId();
  return (
    <>
      <label className="field">
        Language
        <select value={chosen} aria-describedby={hintId} onChange={(event) => onChoose(event.target.value)}>
          <option value="">found out from the messages</option>
          {languages(own).map((language) => (
            <option key={language} value={language}>
              {languageName(language)}
            </option>
          ))}
        </select>
      </label>
      <p className="hint" id={hintId}>
        Searches find the words of this language in all their forms.
      </p>
    </>
  );
}
