/** Runs one command of a transcript as a client's shell would. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { runBash } from "#test/bash.ts";
import type { Variables } from "#test/transcripts/match-pattern.ts";

export interface CommandAnswer {
  /** Of the last answer that curl got; 0: it got none. */
  readonly status: number;
  /** Of all of them. */
  readonly statuses: readonly number[];
  /** What the command prints. */
  readonly body: string;
  /** Of the last answer. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly complaints: string;
  readonly exitCode: number | null;
}

const timeoutMs = 60_000;
const mark = "curl was answered ";

/** curl says the status of each answer aside, and keeps the headers in a file, so that its output is the body alone. */
const curl = `curl() {
  local given=() one
  for one; do [ "$one" = -i ] || given+=("$one"); done
  command curl -sS --max-time 30 -D "$TRANSCRIPT_HEADERS" -w '%{stderr}${mark}%{http_code}\\n' "\${given[@]}"
}`;

export async function runCommand(
  command: string,
  folder: string,
  variables: Variables,
): Promise<CommandAnswer> {
  const headersPath = join(folder, ".headers");
  await rm(headersPath, { force: true });
  const environment = { ...Object.fromEntries(variables), TRANSCRIPT_HEADERS: headersPath };
  const ran = await runBash(`${curl}\n${command}`, { cwd: folder, timeoutMs, environment });
  const lines = ran.stderr.split("\n");
  const statuses = lines
    .filter((line) => line.startsWith(mark))
    .map((line) => Number(line.slice(mark.length)));
  return {
    status: statuses.at(-1) ?? 0,
    statuses,
    body: ran.stdout,
    headers: readHeaders(await readFile(headersPath, "latin1").catch(() => "")),
    complaints: lines.filter((line) => !line.startsWith(mark)).join("\n"),
    exitCode: ran.exitCode,
  };
}

/** Of the last answer in the file: others were told to go on, or elsewhere. */
function readHeaders(text: string): CommandAnswer["headers"] {
  const last =
    text
      .trimEnd()
      .split(/\r?\n\r?\n/)
      .at(-1) ?? "";
  return last.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^([\w-]+): ?(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name: name.toLowerCase(), value: value! }];
  });
}
