/** One run: when each send is due, who sends it, and what has come of it. */

import type { Chat, Member } from "./chat-members.ts";
import { createDeliveryLedger, type DeliveryLedger } from "./delivery-ledger.ts";
import { createRandom, poissonSchedule } from "./schedule.ts";
import { createTexts } from "./texts.ts";

export type ChatLoad =
  /**
   * Open loop: due on a schedule, whatever is answered. Stops when as much is outstanding as the schedule asks for in
   * maxBehindMs: the server does not keep up.
   */
  | { messagesPerSecond: number; maxBehindMs: number }
  /** Closed loop: the next one as soon as one has arrived everywhere. Shows what a server can do, not how it feels. */
  | { inFlight: number };

export interface RunChatsOptions {
  /** Starts the client ids, so that no two runs share one. Without dots. */
  name: string;
  load: ChatLoad;
  /** Sends that are counted but not timed, before the window. */
  warmupMs: number;
  windowMs: number;
  /** How long after the window to wait for what is still under way. */
  drainTimeoutMs: number;
  seed: number;
}

export interface ChatRun {
  readonly ledger: DeliveryLedger;
  readonly firstCallId: number;
  /** By index of the send, once it was sent. */
  readonly senders: Member[];
  /** By index of the send; how many there can be at the most. */
  readonly dueAt: Float64Array;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly events: { skipped: number; repeated: number; socketsClosed: number };
  readonly acknowledgedByChat: Record<string, number>;
  send(index: number): void;
  /** Of a message of this run; NaN or out of range for any other. */
  indexOf(clientId: string): number;
}

const textBytes = 100;
const texts = createTexts(4_096, textBytes, 1);
/** Time between the preparation and the first send. */
const leadMs = 50;
/** More than any server answers: the bound of a closed loop, which has no schedule to tell its size. */
const maxClosedLoopPerSecond = 100_000;
/** Call ids of all runs of a process are distinct, so that a late answer is not taken for another run's. */
let nextCallId = 1;

export function prepareRun(chats: readonly Chat[], options: RunChatsOptions): ChatRun {
  const start = performance.now() + leadMs;
  const windowStart = start + options.warmupMs;
  const windowEnd = windowStart + options.windowMs;
  const dueAt = dueTimes(options).map((offset) => start + offset);
  const ledger = createDeliveryLedger({ dueAt, measureFrom: windowStart, measureUntil: windowEnd });
  const random = createRandom(options.seed + 1);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const prefix = `${options.name}.`;
  const senders: Member[] = [];
  const firstCallId = nextCallId;
  nextCallId += dueAt.length;
  return {
    ledger,
    firstCallId,
    senders,
    dueAt,
    windowStart,
    windowEnd,
    events: { skipped: 0, repeated: 0, socketsClosed: 0 },
    acknowledgedByChat: {},
    send(index) {
      const sender = pick(pick(chats).members);
      const { socket, chat } = sender;
      senders[index] = sender;
      ledger.sent(index, chat.members.length - 1, performance.now());
      const text = texts[index % texts.length]!;
      socket.send(firstCallId + index, { chatId: chat.id, clientId: prefix + index, text });
    },
    indexOf: (clientId) => (clientId.startsWith(prefix) ? Number(clientId.slice(prefix.length)) : Number.NaN),
  };
}

function dueTimes({ load, warmupMs, windowMs, seed }: RunChatsOptions): Float64Array {
  const durationMs = warmupMs + windowMs;
  if ("inFlight" in load) return new Float64Array((maxClosedLoopPerSecond * durationMs) / 1_000);
  return poissonSchedule({ ratePerSecond: load.messagesPerSecond, durationMs, seed });
}
