const hues = 8;

/** A coloured circle with initials. `isOnline` adds the presence dot. */
export function Avatar({ name, seed, isOnline = false }: { name: string; seed: string; isOnline?: boolean }) {
  let sum = 0;
  for (const character of seed) sum = (sum * 31 + character.charCodeAt(0)) % 997;
  return (
    <span className={`avatar hue-${sum % hues}`} aria-hidden="true">
      {initials(name)}
      {isOnline && <span className="presence" />}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters
    .map((word) => Array.from(word ?? "")[0] ?? "")
    .join("")
    .toUpperCase();
}
