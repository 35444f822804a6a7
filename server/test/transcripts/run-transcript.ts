/** Plays a transcript to a server, and fails at the first step whose answer is another than the transcript says. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  expandVariables,
  MismatchError,
  matchBody,
  matchText,
  type Variables,
} from "#test/transcripts/match-pattern.ts";
import type { CommandStep, Step, Transcript } from "#test/transcripts/parse-transcript.ts";
import { type CommandAnswer, runCommand } from "#test/transcripts/run-command.ts";
import { openSocket, type TranscriptSocket } from "#test/transcripts/transcript-socket.ts";
import { until } from "#test/until.ts";

const standardPatienceMs = 10_000;

interface Playing {
  readonly transcript: Transcript;
  readonly folder: string;
  readonly variables: Variables;
  readonly sockets: Map<string, TranscriptSocket>;
  readonly patienceMs: number;
}

/** Each transcript has a folder of its own, in which its commands run. */
export async function runTranscript(
  transcript: Transcript,
  url: string,
  patienceMs = standardPatienceMs,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "parley-transcript-"));
  const variables = new Map([
    ["HOST", url],
    ["HOST_PORT", new URL(url).host],
  ]);
  const playing: Playing = { transcript, folder, variables, sockets: new Map(), patienceMs };
  try {
    for (const step of transcript.steps) await play(step, playing);
  } finally {
    for (const socket of playing.sockets.values()) socket.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function play(step: Step, playing: Playing): Promise<void> {
  if (step.kind === "command") return playCommand(step, playing);
  try {
    await playFrame(step, playing);
  } catch (error) {
    throw new Error(
      `${playing.transcript.name}:${step.line}\n${step.text}\nwhy: ${(error as Error).message}`,
    );
  }
}

async function playFrame(step: Exclude<Step, CommandStep>, playing: Playing): Promise<void> {
  const { variables, sockets, patienceMs } = playing;
  if (step.kind === "open") {
    const url = expandVariables(step.url, variables);
    const socket = await openSocket({ url, refusedWith: step.refusedWith, patienceMs });
    sockets.get(step.socket)?.stop();
    if (socket) sockets.set(step.socket, socket);
    return;
  }
  const socket = sockets.get(step.socket);
  if (!socket) throw new Error(`no socket is called ${step.socket}`);
  if (step.kind === "closed") await socket.closed(step.code);
  else if (step.kind === "receive") await socket.receive(step.frame, variables);
  else socket.send(expandVariables(step.frame, variables));
}

async function playCommand(step: CommandStep, playing: Playing): Promise<void> {
  const { folder, variables, patienceMs } = playing;
  let failure = "";
  const fits = async () => {
    const answer = await runCommand(step.command, folder, variables);
    failure = explain(step, answer, variables);
    return failure === "";
  };
  if (await fits()) return;
  const name = `${playing.transcript.name}:${step.line}\n`;
  if (!step.isRepeated) throw new Error(name + failure);
  await until(() => name + failure, fits, patienceMs);
}

/** Empty when it fits. */
function explain(step: CommandStep, answer: CommandAnswer, variables: Variables): string {
  try {
    check(step, answer, variables);
    return "";
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    const headers = step.headers.map(({ name, value }) => `\n          > ${name}: ${value}`).join("");
    const gotHeaders = step.headers.length === 0 ? [] : answer.headers;
    return [
      step.text,
      `expected: ${step.status ?? ""} ${step.body ?? ""}${headers}`,
      `got:      ${answer.status} ${answer.body}`,
      ...gotHeaders.map(({ name, value }) => `          > ${name}: ${value}`),
      ...(answer.complaints.trim() ? [answer.complaints.trim()] : []),
      `why: ${error.message}`,
    ].join("\n");
  }
}

function check(step: CommandStep, answer: CommandAnswer, variables: Variables): void {
  if (answer.statuses.includes(500))
    throw new MismatchError("an answer was 500, which nothing may be answered");
  if (step.status !== undefined && step.status !== answer.status)
    throw new MismatchError(`the status should be ${step.status}, and is ${answer.status}`);
  if (answer.exitCode !== 0)
    throw new MismatchError(`the command ended with ${answer.exitCode ?? "no code"}`);
  for (const { name, value } of step.headers) matchHeader(name, value, answer, variables);
  if (step.body !== undefined) matchBody(step.body, answer.body, variables);
}

function matchHeader(name: string, pattern: string, answer: CommandAnswer, variables: Variables): void {
  const values = answer.headers.filter((one) => one.name === name).map(({ value }) => value);
  const reasons = values.map((value) => {
    try {
      matchText(pattern, value, variables);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  });
  if (!reasons.includes(undefined))
    throw new MismatchError(`header ${name}: ${reasons.join("; ") || "is not there"}`);
}
