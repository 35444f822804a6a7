/**
 * Transcripts: what a client of an old API sends, and what it must be answered. A line is one of
 *
 *     # a comment
 *     ! NAME=value                   a setting of the server, before the first step
 *     $ curl $HOST/ping              a command, run by bash; "? $ …": again until the answer fits
 *     200 {"id": "<ID:uuid>"}        its status and, if given, its body
 *     > deprecation: @<number>       a header of its answer
 *     @ BOB ws://$HOST_PORT/ws       opens a socket; a following line with a status: which is refused with it
 *     @ BOB > {"topic": "t"}         sends a text frame
 *     @ BOB < {"topic": "t"}         awaits a text frame that fits
 *     @ BOB closed 1008              awaits that the server closes it
 *
 * What answers must be is written as match-pattern.ts says. $NAME stands for what a placeholder before it has taken.
 */

export interface Transcript {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export type Step = { readonly line: number; readonly text: string } & (
  | ({ readonly kind: "command"; readonly command: string; readonly isRepeated: boolean } & Expected)
  | { readonly kind: "open"; readonly socket: string; readonly url: string; readonly refusedWith?: number }
  | { readonly kind: "send" | "receive"; readonly socket: string; readonly frame: string }
  | { readonly kind: "closed"; readonly socket: string; readonly code: number }
);

interface Expected {
  readonly status?: number;
  readonly body?: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export type CommandStep = Extract<Step, { kind: "command" }>;

type Draft = { -readonly [key in keyof Step]: Step[key] } & Record<string, unknown>;

const forms: readonly [RegExp, (match: RegExpExecArray, draft: Draft | undefined) => object | undefined][] = [
  [
    /^(\? )?\$ (.+)$/,
    ([, again, command]) => ({ kind: "command", command, isRepeated: again !== undefined, headers: [] }),
  ],
  [/^@ (\w+) > (.+)$/, ([, socket, frame]) => ({ kind: "send", socket, frame })],
  [/^@ (\w+) < (.+)$/, ([, socket, frame]) => ({ kind: "receive", socket, frame })],
  [/^@ (\w+) closed (\d{4})$/, ([, socket, code]) => ({ kind: "closed", socket, code: Number(code) })],
  [/^@ (\w+) (ws:\/\/\S+)$/, ([, socket, url]) => ({ kind: "open", socket, url })],
  [/^(\d{3})(?: (.*))?$/, ([, status, body], draft) => addStatus(draft, Number(status), body)],
  [/^> ([\w-]+): (.*)$/, ([, name = "", value], draft) => addHeader(draft, name.toLowerCase(), value!)],
];

/** Throws, and says where, when a line is none of those. */
export function parseTranscript(name: string, text: string): Transcript {
  const settings: Record<string, string> = {};
  const steps: Draft[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const setting = /^! (\w+)=(.*)$/.exec(line);
    if (setting && steps.length === 0) {
      settings[setting[1]!] = setting[2]!;
      continue;
    }
    const parsed = parseLine(line, steps.at(-1));
    if (!parsed) throw new Error(`${name}:${index + 1}: this line says nothing here: ${line}`);
    if ("kind" in parsed) steps.push({ ...parsed, line: index + 1, text: line } as Draft);
  }
  return { name, settings, steps: steps as Step[] };
}

function parseLine(line: string, draft: Draft | undefined): object | undefined {
  for (const [form, parse] of forms) {
    const match = form.exec(line);
    const parsed = match && parse(match, draft);
    if (parsed) return parsed;
  }
  return undefined;
}

/** Of the command before it; a socket that is opened may be refused with a status. */
function addStatus(draft: Draft | undefined, status: number, body: string | undefined): object | undefined {
  if (draft?.kind === "open" && draft.refusedWith === undefined && body === undefined)
    return noStep(Object.assign(draft, { refusedWith: status }));
  if (draft?.kind !== "command" || draft.status !== undefined) return undefined;
  return noStep(Object.assign(draft, body === undefined ? { status } : { status, body }));
}

function addHeader(draft: Draft | undefined, name: string, value: string): object | undefined {
  if (draft?.kind !== "command") return undefined;
  return noStep(Object.assign(draft, { headers: [...(draft.headers as object[]), { name, value }] }));
}

const noStep = (_changed: Draft) => ({});
