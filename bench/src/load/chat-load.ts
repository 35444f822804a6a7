/** Sends into chats and follows every message to every socket of its chat. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChatMembers, FrameHandler } from "./chat-members.ts";
import { type ChatRun, prepareRun, type RunChatsOptions } from "./chat-run.ts";
import type { LedgerSummary } from "./delivery-ledger.ts";

export interface ChatRunResult extends LedgerSummary {
  windowMs: number;
  fellBehind: boolean;
  outstandingAtWindowStart: number;
  outstandingAtWindowEnd: number;
  /** Events that skipped a seq, and events that came again. */
  skipped: number;
  repeated: number;
  socketsClosed: number;
  /** Processor time that the generator itself took. */
  generatorCpuMs: number;
  acknowledgedByChat: Record<string, number>;
}

const tickMs = 1;

export async function runChats(members: ChatMembers, options: RunChatsOptions): Promise<ChatRunResult> {
  await members.reopen();
  const cpuBefore = process.cpuUsage();
  const run = prepareRun(members.chats, options);
  const progress = { onSettled: () => {} };
  members.handler = followUp(run, progress);
  const outstanding = () => run.ledger.counts.outstanding;
  const samples = Promise.all([sampleAt(run.windowStart, outstanding), sampleAt(run.windowEnd, outstanding)]);
  const fellBehind =
    "inFlight" in options.load
      ? await keepInFlight(run, options.load.inFlight, progress)
      : await keepSchedule(run, options.load);
  const [outstandingAtWindowStart, outstandingAtWindowEnd] = await samples;
  await emptied(outstanding, options.drainTimeoutMs);
  members.handler = undefined;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    ...run.ledger.summary(),
    ...run.events,
    windowMs: options.windowMs,
    fellBehind,
    outstandingAtWindowStart,
    outstandingAtWindowEnd,
    generatorCpuMs: (user + system) / 1_000,
    acknowledgedByChat: run.acknowledgedByChat,
  };
}

/** Sends what is due, every millisecond, whatever was answered. Resolves to whether it gave up. */
async function keepSchedule(
  run: ChatRun,
  load: { messagesPerSecond: number; maxBehindMs: number },
): Promise<boolean> {
  const maxOutstanding = (load.messagesPerSecond * load.maxBehindMs) / 1_000;
  for (let index = 0; index < run.dueAt.length; ) {
    for (; index < run.dueAt.length && run.dueAt[index]! <= performance.now(); index++) run.send(index);
    if (run.ledger.counts.outstanding > maxOutstanding) return true;
    await sleep(tickMs);
  }
  return false;
}

interface Progress {
  /** A send was answered or received. */
  onSettled: () => void;
}

/** Sends as much as has arrived, once per turn of the event loop. Never gives up. */
async function keepInFlight(run: ChatRun, inFlight: number, progress: Progress): Promise<boolean> {
  let index = 0;
  let isQueued = false;
  const fill = () => {
    isQueued = false;
    for (; index < run.dueAt.length && run.ledger.counts.outstanding < inFlight; index++) {
      const now = performance.now();
      if (now >= run.windowEnd) return;
      run.dueAt[index] = now;
      run.send(index);
    }
  };
  progress.onSettled = () => {
    if (isQueued || run.ledger.counts.outstanding >= inFlight) return;
    isQueued = true;
    setImmediate(fill);
  };
  fill();
  await sleep(run.windowEnd - performance.now());
  return false;
}

function followUp(run: ChatRun, progress: Progress): FrameHandler {
  const { ledger, events, acknowledgedByChat } = run;
  return {
    answered(callId, errorCode) {
      const index = callId - run.firstCallId;
      const sender = run.senders[index];
      if (!sender) return;
      if (errorCode) {
        ledger.refused(index, errorCode);
      } else {
        ledger.acknowledged(index, performance.now());
        acknowledgedByChat[sender.chat.id] = (acknowledgedByChat[sender.chat.id] ?? 0) + 1;
      }
      progress.onSettled();
    },
    received(member, clientId) {
      const index = run.indexOf(clientId);
      const sender = run.senders[index];
      // The sender's own copy is no delivery: it knows its message.
      if (!sender || sender === member) return;
      ledger.delivered(index, performance.now());
      progress.onSettled();
    },
    skipped: () => void events.skipped++,
    repeated: () => void events.repeated++,
    closed: () => void events.socketsClosed++,
  };
}

async function sampleAt(at: number, sample: () => number): Promise<number> {
  await sleep(Math.max(0, at - performance.now()));
  return sample();
}

async function emptied(outstanding: () => number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (outstanding() > 0 && performance.now() < deadline) await sleep(10);
}
