/** What group-commit.ts does with a batch: one statement, then the stamps and the bus, then the results. */
import type { Event, Message } from "@parley/api/v2/event";
import { announce } from "#messenger/announce.ts";
import type { Attachments } from "#messenger/attachments/attachments.ts";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import { messagesOf } from "#messenger/message-row.ts";
import { createSendMetrics, type SendMetrics } from "#messenger/send-metrics.ts";
import { tracedSends, traceStatement } from "#messenger/send-traces.ts";
import {
  findOriginals,
  hasAttachments,
  type StoredSends,
  type StoreOutcome,
  storeSends,
} from "#messenger/store-sends.ts";
import { addWordsAhead } from "#messenger/store-text-index.ts";
import { type IndexedTexts, notIndexed, type TextIndex } from "#messenger/text-index/text-index.ts";
import type { Bus } from "#platform/bus.ts";
import { type Database, isTransient, sqlState } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { type Stamps, tags } from "#platform/stamps/stamps.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { Trace } from "#platform/trace.ts";

export interface BatchOptions {
  database: Database;
  bus: Bus;
  stamps: Stamps;
  textIndex: TextIndex;
  log: Log;
  telemetry: Telemetry;
  attachments: Pick<Attachments, "queue" | "wake">;
  /** Some of what was stored awaits its processing. */
  onProcessable: () => void;
}

const maxAttempts = 3;
/** Of the recorded traces of a batch that failed, so many are named. */
const maxTraceIds = 20;

/** Rejects when nothing is known to be stored. */
export function createBatchCommit(options: BatchOptions): (sends: ValidSend[]) => Promise<SendResult[]> {
  const metrics = createSendMetrics(options.telemetry);
  return async (sends) => {
    const outcomes = await storeObserved(options, metrics, sends).catch(async (error) => {
      // It may have been stored after all.
      await changeStamps(options.stamps, sends);
      throw error;
    });
    const results = sends.map((send, index) => toResult(send, outcomes[index]!));
    // Under way before the event, so that who is told of the message does not read an older answer.
    const stamped = changeStamps(options.stamps, sends, outcomes);
    publish(options, sends, results);
    await answerRepetitions(options, sends, results);
    await stamped;
    return results.map((result) => result ?? { errorCode: "internal" });
  };
}

/** Of repetitions as well: whoever stored the original may have ended before its stamp was changed. */
function changeStamps(stamps: Stamps, sends: ValidSend[], outcomes?: StoreOutcome[]): Promise<void> {
  const changed = new Set<string>();
  for (const [index, { chatId }] of sends.entries()) {
    const outcome = outcomes?.[index];
    if (!outcome || !("refusal" in outcome) || outcome.refusal === "repeated") changed.add(chatId);
  }
  return stamps.change(Array.from(changed, tags.chat));
}

async function storeObserved(
  options: BatchOptions,
  metrics: SendMetrics,
  sends: ValidSend[],
): Promise<StoreOutcome[]> {
  const startedAtMs = performance.now();
  const endTraces = traceStatement(options.telemetry, tracedSends(sends), sends.length);
  try {
    // The batch may have been set off in the trace of another call.
    const outcomes = await runInTrace(undefined, () => storeWithRetries(options, sends));
    metrics.committed(outcomes, startedAtMs);
    endTraces?.(undefined);
    return outcomes;
  } catch (error) {
    const { code } = toPublicError(error);
    metrics.failed(sends.length, code, startedAtMs);
    endTraces?.(code);
    throw error;
  }
}

/** Of a batch, which everybody's messages wait for: a new word takes 40 to 120 µs. */
const maxNewWords = 2_000;

async function storeWithRetries(options: BatchOptions, sends: ValidSend[]): Promise<StoreOutcome[]> {
  const { textIndex, log, onProcessable } = options;
  let indexed: IndexedTexts = textIndex.entriesOf(sends, maxNewWords);
  for (let attempt = 1; ; attempt++) {
    try {
      const { outcomes, isProcessed } = await store(options, sends, indexed);
      indexed.committed();
      if (isProcessed) onProcessable();
      return outcomes;
    } catch (error) {
      const traceIds = tracedSends(sends)
        ?.slice(0, maxTraceIds)
        .map((trace) => trace.traceId);
      // Of a failed statement only its SQLSTATE is logged: PostgreSQL may quote what people wrote.
      log.warn(
        {
          sqlState: sqlState(error),
          code: toPublicError(error).code,
          batchSize: sends.length,
          attempt,
          traceIds,
        },
        "a batch of messages was not stored",
      );
      if (attempt === maxAttempts) throw error;
      if (isTransient(error)) continue;
      // Whatever there may be in an entry that the database refuses, the messages need not go without it.
      if (toPublicError(error).code !== "internal" || indexed === notIndexed) throw error;
      indexed = notIndexed;
    }
  }
}

/** With the jobs that attachments ask for. */
async function store(
  { database, attachments }: BatchOptions,
  sends: ValidSend[],
  indexed: IndexedTexts,
): Promise<StoredSends> {
  const left = await addWordsAhead(database, indexed);
  if (!hasAttachments(sends)) return await storeSends(database, sends, left);
  const stored = await database.transaction(async (tx) => {
    await attachments.queue(tx, sends);
    return await storeSends(tx, sends, left);
  });
  attachments.wake();
  return stored;
}

/** Undefined for a repetition: its original is yet to be read. */
function toResult(send: ValidSend, outcome: StoreOutcome): SendResult | undefined {
  if (!("refusal" in outcome)) {
    const { seq, no, createdAtMs } = outcome;
    const { chatId, senderId, clientId, text, replyToSeq, attachments } = send;
    return {
      message: messagesOf(chatId)([
        seq,
        no,
        senderId,
        clientId,
        text,
        replyToSeq,
        createdAtMs,
        null,
        null,
        null,
        null,
        attachments,
      ]),
    };
  }
  return outcome.refusal === "repeated" ? undefined : { errorCode: outcome.refusal };
}

interface ChatEvents {
  events: Event[];
  /** Of the events at the same index; undefined as long as none is recorded. */
  traces: Array<Trace | undefined> | undefined;
}

/** One bus message per chat. Within a chat a batch's messages are in the order of their seq. */
function publish(
  options: BatchOptions,
  sends: readonly ValidSend[],
  results: ReadonlyArray<SendResult | undefined>,
): void {
  const byChat = new Map<string, ChatEvents>();
  for (const [index, result] of results.entries()) {
    if (!result || !("message" in result)) continue;
    const { chatId } = result.message;
    const ofChat: ChatEvents = byChat.get(chatId) ?? { events: [], traces: undefined };
    byChat.set(chatId, ofChat);
    const nth = ofChat.events.push(messageEvent(result.message)) - 1;
    const { trace } = sends[index]!;
    if (!trace) continue;
    ofChat.traces ??= [];
    ofChat.traces[nth] = trace;
  }
  for (const [chatId, { events, traces }] of byChat) announce(options, { chatId, events, traces });
}

function messageEvent(message: Message): Event {
  return {
    $typeName: "parley.v2.Event",
    chatId: message.chatId,
    seq: message.seq,
    kind: "message",
    at: message.createdAt!,
    actorId: message.senderId,
    message,
  };
}

/** Publishes nothing: a repetition changed nothing. */
async function answerRepetitions(
  { database }: BatchOptions,
  sends: ValidSend[],
  results: Array<SendResult | undefined>,
): Promise<void> {
  const places = [...results.keys()].filter((index) => results[index] === undefined);
  if (places.length === 0) return;
  try {
    const repeated = places.map((index) => sends[index]!);
    const rows = await findOriginals(database, repeated);
    for (const [nth, index] of places.entries()) {
      const row = rows[nth];
      if (row) results[index] = { message: messagesOf(repeated[nth]!.chatId)(row) };
    }
  } catch (error) {
    for (const index of places) results[index] = { errorCode: toPublicError(error).code };
  }
}
