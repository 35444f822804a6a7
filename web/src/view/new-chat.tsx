import type { User } from "@parley/client";
import { useEffect, useId, useRef, useState } from "react";
import { describeError } from "../state/describe-error.ts";
import { Avatar } from "./avatar.tsx";
import { useMessenger } from "./use-messenger.ts";

/** Choose one person for a direct chat, or several and a title for a group. */
export function NewChatDialog({ onClose }: { onClose: () => void }) {
  const messenger = useMessenger();
  const dialog = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  const [chosen, setChosen] = useState<User[]>([]);
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState<string>();
  const isGroup = chosen.length > 1;

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  async function create(): Promise<void> {
    const ids = chosen.map(({ id }) => id);
    try {
      if (isGroup) await messenger.createGroup(title.trim(), ids);
      else if (ids[0]) await messenger.startDirect(ids[0]);
      onClose();
    } catch (error) {
      setProblem(describeError(error));
    }
  }

  const toggle = (user: User) =>
    setChosen((users) =>
      users.some(({ id }) => id === user.id) ? users.filter(({ id }) => id !== user.id) : [...users, user],
    );

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={headingId} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <h2 id={headingId}>New chat</h2>
        <PeopleSearch chosen={chosen} onToggle={toggle} onProblem={setProblem} />
        {isGroup && (
          <label className="field">
            Group title
            <input
              value={title}
              required
              maxLength={200}
              onChange={(event) => setTitle(event.target.value)}
            />
          </label>
        )}
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <footer>
          <button type="button" className="plain" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" disabled={chosen.length === 0}>
            {isGroup ? "Create group" : "Start chat"}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

interface PeopleSearchProps {
  chosen: User[];
  onToggle: (user: User) => void;
  onProblem: (problem: string | undefined) => void;
}

const pauseMs = 250;
const minLength = 2;

function PeopleSearch({ chosen, onToggle, onProblem }: PeopleSearchProps) {
  const messenger = useMessenger();
  const [text, setText] = useState("");
  const [found, setFound] = useState<User[]>();
  const wanted = text.trim();

  useEffect(() => {
    if (wanted.length < minLength) return setFound(undefined);
    let isCurrent = true;
    const timer = setTimeout(async () => {
      try {
        const users = await messenger.findUsers(wanted);
        if (!isCurrent) return;
        setFound(users);
        onProblem(undefined);
      } catch (error) {
        if (isCurrent) onProblem(describeError(error));
      }
    }, pauseMs);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [wanted, messenger, onProblem]);

  const others = (found ?? []).filter(({ id }) => !chosen.some((user) => user.id === id));
  return (
    <>
      <label className="field">
        Name or e-mail address
        <input
          type="search"
          value={text}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <ul className="people" aria-label="People">
        {[...chosen, ...others].map((user) => (
          <li key={user.id}>
            <label className="person">
              <input
                type="checkbox"
                checked={chosen.some(({ id }) => id === user.id)}
                onChange={() => onToggle(user)}
              />
              <Avatar name={user.name} seed={user.id} />
              <span>{user.name}</span>
            </label>
          </li>
        ))}
      </ul>
      <p className="hint" role="status">
        {found?.length === 0 ? "Nobody found." : "Choose one person, or several for a group."}
      </p>
    </>
  );
}
