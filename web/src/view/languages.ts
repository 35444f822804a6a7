/**
 * The languages that people are offered for a chat, by their names in the reader's own: those whose word forms search
 * knows, and others that many write in. The server takes any that has a code.
 */
const codes =
  "ar bg bn ca cs da de el en es et eu fa fi fr ga he hi hr hu hy id it ja ko lt lv ms ne nl no pl pt ro ru sk sl sr sv ta th tr uk ur vi yi zh".split(
    " ",
  );

const names = new Intl.DisplayNames(undefined, { type: "language" });

export function languageName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

/** In the order of their names; with the chat's own, whatever it is. */
export function languages(own: string): string[] {
  const all = new Set([...codes, ...(own ? [own] : [])]);
  return [...all].sort((a, b) => languageName(a).localeCompare(languageName(b)));
}
