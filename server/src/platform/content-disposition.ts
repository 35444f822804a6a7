/** Content-Disposition (RFC 6266), with names in any script (RFC 8187), from names that anybody may have chosen. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unwanted = /[\x00-\x1f\x7f-\x9f/\\\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const maxNameLength = 255;

/** Controls, slashes and what reverses the direction of writing (to hide what a file is) are not part of a name. */
function cleanName(name: string): string {
  const clean = name.toWellFormed().replace(unwanted, "_").trim();
  return /^\.*$/.test(clean) ? "" : [...clean].slice(0, maxNameLength).join("");
}

export function contentDisposition(kind: "inline" | "attachment", name: string): string {
  const clean = cleanName(name);
  if (clean === "") return kind;
  const ascii = clean.replace(/[^\x20-\x7e]/g, "_").replace(/["%]/g, "_");
  const extended = ascii === clean ? "" : `; filename*=UTF-8''${extendedValue(clean)}`;
  return `${kind}; filename="${ascii}"${extended}`;
}

/** encodeURIComponent leaves some characters that RFC 8187 does not. */
function extendedValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What people would call a blob: what follows the last slash of its key. */
export function nameOfKey(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
