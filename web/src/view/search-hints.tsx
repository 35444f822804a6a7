const operators = [
  { text: "from:", about: "a name, an e-mail address, or “me”" },
  { text: "in:", about: "a chat’s title" },
  { text: "before:", about: "a day, as 2026-11-21" },
  { text: "after:", about: "a day, as 2026-11-21" },
  { text: "has:attachment", label: "has:", about: "attachment: messages with files" },
  { text: '"', label: "“…”", about: "these words next to each other" },
  { text: "-", label: "-word", about: "without this word" },
];

/** What can be written into the search box besides words. */
export function SearchHints({ onChoose }: { onChoose: (operator: string) => void }) {
  return (
    <ul className="search-hints" aria-label="Narrow the search">
      {operators.map(({ text, label, about }) => (
        <li key={text}>
          <button
            type="button"
            className="plain"
            // The focus stays in the box.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => onChoose(text)}
          >
            {label ?? text}
          </button>
          <span className="hint">{about}</span>
        </li>
      ))}
    </ul>
  );
}
