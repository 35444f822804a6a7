/** What the command line asks for. */
import { parseArgs } from "node:util";
import type { BenchCase } from "./case.ts";

export interface CliOptions {
  mode: "run" | "list" | "help";
  /** All when none is named. */
  names: string[];
  windowMs: number;
  messages: number;
  jsonPath: string;
  profile: boolean;
}

export class UsageError extends Error {}

const defaultSeconds = 2;
const maxSeconds = 60;
const defaultMessages = 1_000_000;
const maxMessages = 100_000_000;

export function readCliOptions(args: string[], known: readonly string[], now: Date): CliOptions {
  const { values, positionals } = parse(args);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no case "${unknown}"; there are ${known.join(", ")}`);
  const seconds = Number(values.seconds ?? defaultSeconds);
  if (!(seconds >= 1 && seconds <= maxSeconds)) {
    throw new UsageError(`--seconds must be a number from 1 to ${maxSeconds}`);
  }
  const messages = Number(values.messages ?? defaultMessages);
  if (!(Number.isInteger(messages) && messages >= 1_000 && messages <= maxMessages)) {
    throw new UsageError(`--messages must be a whole number from 1000 to ${maxMessages}`);
  }
  return {
    mode: values.help ? "help" : values.list ? "list" : "run",
    names: known.filter((name) => positionals.length === 0 || positionals.includes(name)),
    windowMs: seconds * 1_000,
    messages,
    jsonPath: values.json ?? `bench/results/${now.toISOString().replace(/[:.]/g, "-")}.local.json`,
    profile: values.profile ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        seconds: { type: "string" },
        messages: { type: "string" },
        json: { type: "string" },
        profile: { type: "boolean" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function list(cases: readonly BenchCase[]): string {
  return cases.map(({ name, about }) => `  ${name.padEnd(14)}${about}\n`).join("");
}

export function usage(cases: readonly BenchCase[]): string {
  return `Usage: npm run bench -- [case…] [options]

Measures Parley on this machine, each figure beside the floor that it stands on.

Cases (all when none is named):
${list(cases)}
Options:
  --seconds N   length of a measured window; a case has several (${defaultSeconds})
  --messages N  how many messages are searched (${defaultMessages})
  --json FILE   where the results are written (bench/results/<time>.local.json)
  --profile     also shows where the server's time goes at its limit
  --list        prints the cases
  --help        prints this
`;
}
