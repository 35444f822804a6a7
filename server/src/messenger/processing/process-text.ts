/**
 * What becomes of one claimed text: dispatch makes something of it, and that is attached to the message with an event,
 * in one transaction that also ends the text's row. Whatever is interrupted is done once more, by the same idempotency
 * key, and takes effect once: only who removes the row attaches.
 */
import type { ProcessMessageResponse } from "@parley/api/internal/dispatch";
import { type ChangeParts, changeChatUnasked } from "#messenger/change-chat.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import { messageIdsOf } from "#messenger/message-id.ts";
import { messagesOf } from "#messenger/message-row.ts";
import { findMessage } from "#messenger/store-changes.ts";
import { attachProcessed, type ClaimedText, deferText, endText } from "#messenger/store-processing.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

/**
 * "superseded": edited or deleted meanwhile. "failed": nothing will be made of it. "expired": it waited for too long.
 * "away": dispatch cannot be asked now. "released": this process is being stopped.
 */
export type ProcessingOutcome = "done" | "superseded" | "later" | "failed" | "expired" | "away" | "released";

export interface TextProcessing {
  parts: ChangeParts;
  dispatch: MessengerClients["dispatch"];
  /** How long the text is this process's alone. */
  leaseMs: number;
  giveUpMs: number;
  maxResultBytes: number;
  log: Log;
  random?: () => number;
}

/** Leaves time to store the result while the text is still this process's. */
const shareOfLease = 0.8;
const shortestDelayMs = 100;
const longestDelayMs = 3_600_000;
const firstBackOffMs = 1_000;
const longestBackOffMs = 60_000;
/** What dispatch will say again, however often it is asked. Anything else may pass. */
const finalCodes: readonly ErrorCode[] = [
  "processor-not-found",
  "invalid-input",
  "malformed-request",
  "too-large",
  "idempotency-key-reused",
];

/** Rejects when the database does; the text is due again when its lease ends. */
export async function processText(
  options: TextProcessing,
  claimed: ClaimedText,
  signal: AbortSignal,
): Promise<ProcessingOutcome> {
  const { database } = options.parts;
  if (claimed.text === undefined) return "superseded";
  if (claimed.ageMs > options.giveUpMs) {
    await endText(database, claimed);
    return "expired";
  }
  try {
    const answer = await ask(options, claimed, claimed.text, signal);
    return await follow(options, claimed, answer);
  } catch (error) {
    if (!(error instanceof DispatchError)) throw error;
    if (signal.aborted) {
      await deferText(database, claimed, 0);
      return "released";
    }
    return afterFailure(options, claimed, error);
  }
}

class DispatchError extends Error {}

async function ask(options: TextProcessing, claimed: ClaimedText, text: string, signal: AbortSignal) {
  const { processor, userId, mayUsePaid, chatId, messageSeq, seq } = claimed;
  const idempotencyKey = `${messageIdsOf(chatId)(messageSeq)}:${seq}`;
  try {
    signal.throwIfAborted();
    return await options.dispatch.processMessage(
      { processor, text, idempotencyKey, userId, mayUsePaid },
      { signal, timeoutMs: options.leaseMs * shareOfLease },
    );
  } catch (cause) {
    throw new DispatchError("dispatch gave no answer", { cause });
  }
}

async function follow(
  options: TextProcessing,
  claimed: ClaimedText,
  answer: ProcessMessageResponse,
): Promise<ProcessingOutcome> {
  const { database } = options.parts;
  if (answer.status === "later") {
    const givenMs = answer.retryAfterMs || backOffMs(options, claimed);
    const delayMs = Math.min(Math.max(givenMs, shortestDelayMs), longestDelayMs);
    await deferText(database, claimed, delayMs);
    return "later";
  }
  if (answer.status === "done" && Buffer.byteLength(answer.result) <= options.maxResultBytes) {
    return attach(options.parts, claimed, answer);
  }
  const code = answer.status === "done" ? "too-large" : answer.errorCode;
  options.log.debug({ code, processor: claimed.processor }, "a message was not processed");
  await endText(database, claimed);
  return "failed";
}

async function attach(
  parts: ChangeParts,
  claimed: ClaimedText,
  { result, provider }: ProcessMessageResponse,
): Promise<ProcessingOutcome> {
  const { chatId, messageSeq, processor, userId } = claimed;
  let isAttached = false;
  await changeChatUnasked(parts, { chatId, callerId: userId }, async (tx, chat) => {
    isAttached = await attachProcessed(tx, claimed, { processor, result, provider, atMs: chat.atMs });
    if (!isAttached) return { events: [] };
    const row = await findMessage(tx, { chatId, seq: messageSeq }, userId);
    return { events: [{ kind: "processed", messageSeq, message: messagesOf(chatId)(row!) }] };
  });
  return isAttached ? "done" : "superseded";
}

/** When nobody knows when it would go better. */
function backOffMs({ random = Math.random }: TextProcessing, { attempts }: ClaimedText): number {
  const mostMs = Math.min(firstBackOffMs * 2 ** Math.min(attempts - 1, 10), longestBackOffMs);
  return mostMs * (0.5 + random() / 2);
}

async function afterFailure(
  options: TextProcessing,
  claimed: ClaimedText,
  error: DispatchError,
): Promise<ProcessingOutcome> {
  const { parts, log } = options;
  const { code, retryAfterMs = 0 } = toPublicError(error.cause);
  if (finalCodes.includes(code)) {
    log.debug({ code, processor: claimed.processor }, "a message was not processed");
    await endText(parts.database, claimed);
    return "failed";
  }
  await deferText(parts.database, claimed, Math.max(retryAfterMs, backOffMs(options, claimed)));
  log.warn({ code, attempts: claimed.attempts }, "dispatch did not take a message; it is tried again");
  return "away";
}
