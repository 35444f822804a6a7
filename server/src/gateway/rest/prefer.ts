/** The header Prefer (RFC 7240), as far as it is understood here. What is not is passed over: preferences are no demands. */

/** name [= value] and its parameters; a value may be in quotes, with commas and semicolons in it. */
const preference =
  /([^\s,;="]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?\s*(?:;(?:"(?:[^"\\]|\\.)*"|[^,"])*)?/y;

/** Whether the client would rather be answered at once, and ask for the outcome later. Of one given twice the first counts. */
export function prefersAsync(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  const text = String(header);
  preference.lastIndex = 0;
  while (preference.lastIndex < text.length) {
    preference.lastIndex = skipSeparators(text, preference.lastIndex);
    const found = preference.exec(text);
    if (!found) return false;
    const [, name, value = ""] = found;
    // An empty value is as good as none.
    if (name!.toLowerCase() === "respond-async") return value === "" || value === '""';
  }
  return false;
}

function skipSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\s,]/.test(text[at]!)) at += 1;
  return at;
}
