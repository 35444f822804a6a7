/**
 * What an answer must be. In texts, and in the strings of JSON, <type> stands for anything of that type and <NAME:type>
 * names what was found; a string of JSON that is nothing but <number> stands for a number. Objects have exactly the keys
 * of the pattern; "..." as an array's last element: more may follow. "json:…": a string that is JSON in its turn.
 */
import { isDeepStrictEqual } from "node:util";

/** What placeholders have taken, by their names. */
export type Variables = Map<string, string>;

/** Says why it does not fit. */
export class MismatchError extends Error {
  override readonly name = "MismatchError";
}

const types: Readonly<Record<string, string>> = {
  uuid: "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
  hex32: "[0-9a-f]{32}",
  jwt: "[\\w-]+\\.[\\w-]+\\.[\\w-]+",
  token: "\\S+",
  time: "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)",
  text: "[\\s\\S]*?",
  number: "-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?",
};

const placeholders = new RegExp(`<(?:(\\w+):)?(${Object.keys(types).join("|")})>`, "g");
const onlyNumber = /^<(?:(\w+):)?number>$/;

/** A pattern is JSON if it can be read as such; else a text. Takes what its placeholders name only if all of it fits. */
export function matchBody(pattern: string, body: string, variables: Variables): void {
  const wanted = readJson(expandVariables(pattern, variables));
  if (wanted === undefined) {
    matchText(pattern, body.replace(/\n$/, ""), variables);
    return;
  }
  const given = readJson(body);
  if (given === undefined) throw new MismatchError("the body is not JSON");
  const taken: Variables = new Map();
  matchValue(wanted.value, given.value, "", taken);
  for (const [name, value] of taken) variables.set(name, value);
}

export function matchText(pattern: string, text: string, variables: Variables): void {
  const taken: Variables = new Map();
  matchString(expandVariables(pattern, variables), text, "the text", taken);
  for (const [name, value] of taken) variables.set(name, value);
}

/** $NAME and ${NAME} become what was taken; what was not stays as it is. */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (all, bare, braced) => variables.get(bare ?? braced) ?? all);
}

function matchValue(wanted: unknown, given: unknown, path: string, taken: Variables): void {
  if (typeof wanted === "string") matchScalar(wanted, given, path || "the body", taken);
  else if (Array.isArray(wanted)) matchArray(wanted, given, path, taken);
  else if (typeof wanted === "object" && wanted !== null) matchObject(wanted, given, path, taken);
  else if (!isDeepStrictEqual(wanted, given)) throw differs(path || "the body", wanted, given);
}

function matchScalar(wanted: string, given: unknown, where: string, taken: Variables): void {
  const number = onlyNumber.exec(wanted);
  if (number) {
    if (typeof given !== "number") throw differs(where, wanted, given);
    if (number[1]) taken.set(number[1], String(given));
    return;
  }
  if (typeof given !== "string") throw differs(where, wanted, given);
  if (wanted.startsWith("json:")) matchJsonText(wanted.slice("json:".length), given, where, taken);
  else matchString(wanted, given, where, taken);
}

function matchJsonText(wanted: string, given: string, where: string, taken: Variables): void {
  const [pattern, value] = [readJson(wanted), readJson(given)];
  if (!pattern) throw new MismatchError(`the pattern of ${where} is not JSON after "json:"`);
  if (!value) throw differs(where, "a string that is JSON", given);
  matchValue(pattern.value, value.value, `${where}→`, taken);
}

function matchArray(wanted: readonly unknown[], given: unknown, path: string, taken: Variables): void {
  const where = path || "the body";
  if (!Array.isArray(given)) throw differs(where, "an array", given);
  const mayGoOn = wanted.at(-1) === "...";
  const elements = mayGoOn ? wanted.slice(0, -1) : wanted;
  if (given.length < elements.length || (!mayGoOn && given.length > elements.length))
    throw differs(`the number of elements of ${where}`, elements.length, given.length);
  for (const [i, element] of elements.entries()) matchValue(element, given[i], `${path}[${i}]`, taken);
}

function matchObject(wanted: object, given: unknown, path: string, taken: Variables): void {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw differs(path || "the body", "an object", given);
  const [keys, givenKeys] = [Object.keys(wanted).sort(), Object.keys(given).sort()];
  if (!isDeepStrictEqual(keys, givenKeys))
    throw differs(`the keys of ${path || "the body"}`, keys, givenKeys);
  for (const [key, value] of Object.entries(wanted))
    matchValue(value, (given as Record<string, unknown>)[key], path ? `${path}.${key}` : key, taken);
}

function matchString(pattern: string, given: string, where: string, taken: Variables): void {
  const names: (string | undefined)[] = [];
  let source = "";
  let end = 0;
  for (const match of pattern.matchAll(placeholders)) {
    source += `${escapeRegExp(pattern.slice(end, match.index))}(${types[match[2]!]})`;
    names.push(match[1]);
    end = match.index + match[0].length;
  }
  const found = new RegExp(`^${source}${escapeRegExp(pattern.slice(end))}$`).exec(given);
  if (!found) throw differs(where, pattern, given);
  for (const [i, name] of names.entries()) if (name) taken.set(name, found[i + 1]!);
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

const differs = (where: string, wanted: unknown, given: unknown) =>
  new MismatchError(`${where} should be ${JSON.stringify(wanted)}, and is ${JSON.stringify(given)}`);

function readJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
