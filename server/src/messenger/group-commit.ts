/**
 * Stores what has gathered while the previous batch was being stored: no timer, so no wait when idle, and batches
 * grow with the load. A chat is in one batch at a time (chat-turns.ts).
 */
import type { Message } from "@parley/api/v2/event";
import type { ChatTurns } from "#messenger/chat-turns.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";

/** A send that was found well-formed: ids canonical, text within its limit. */
export interface ValidSend {
  chatId: string;
  senderId: string;
  clientId: string;
  text: string;
  /** Seq of the message that this one answers. */
  replyToSeq: number | null;
}

export type SendResult = { message: Message } | { errorCode: ErrorCode };

export interface GroupCommit {
  /** Never rejects. Sends of one chat are stored in the order of submission. */
  submit(send: ValidSend): Promise<SendResult>;
  /** Refuses new sends and waits until what was accepted is stored, for at most `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

export interface GroupCommitOptions {
  turns: ChatTurns;
  /** One result per send, in their order. Publishes what it stored. Rejects when nothing is known to be stored. */
  store(sends: ValidSend[]): Promise<SendResult[]>;
  maxBatch: number;
  maxBatchBytes: number;
  maxInFlight: number;
  maxQueued: number;
  maxQueuedBytes: number;
}

interface Accepted {
  send: ValidSend;
  settle: (result: SendResult) => void;
}

interface Queued extends Accepted {
  key: string;
  /** The same send again, while this one is under way. */
  repetitions: Accepted[];
}

/** A rough measure that costs nothing: no character takes more than three bytes per UTF-16 unit. */
const maxBytesOf = (send: ValidSend) => 3 * (send.text.length + send.clientId.length);

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const queues = new Map<string, Queued[]>();
  /** Chats with a queue whose turn has come. */
  const ready: string[] = [];
  const underWay = new Map<string, Queued>();
  let accepted = 0;
  let acceptedBytes = 0;
  let inFlight = 0;
  let isWakeScheduled = false;
  let isStopping = false;
  let onIdle: (() => void) | undefined;

  function submit(send: ValidSend): Promise<SendResult> {
    if (isStopping) return Promise.resolve({ errorCode: "unavailable" });
    const bytes = maxBytesOf(send);
    if (accepted >= options.maxQueued || acceptedBytes + bytes > options.maxQueuedBytes) {
      return Promise.resolve({ errorCode: "overloaded" });
    }
    accepted++;
    acceptedBytes += bytes;
    return new Promise((resolve) => {
      const settle = (result: SendResult) => {
        accepted--;
        acceptedBytes -= bytes;
        resolve(result);
        if (accepted === 0) onIdle?.();
      };
      enqueue({ send, settle });
    });
  }

  function enqueue({ send, settle }: Accepted) {
    const key = `${send.chatId} ${send.senderId} ${send.clientId}`;
    const first = underWay.get(key);
    if (first) {
      first.repetitions.push({ send, settle });
      return;
    }
    const queued: Queued = { send, key, settle, repetitions: [] };
    underWay.set(key, queued);
    const queue = queues.get(send.chatId);
    if (queue) {
      queue.push(queued);
    } else {
      queues.set(send.chatId, [queued]);
      requestTurn(send.chatId);
    }
  }

  function requestTurn(chatId: string) {
    options.turns.request(chatId, () => {
      ready.push(chatId);
      wake();
    });
  }

  /** Not at once: the caller may be about to submit more. */
  function wake() {
    if (isWakeScheduled) return;
    isWakeScheduled = true;
    queueMicrotask(() => {
      isWakeScheduled = false;
      while (inFlight < options.maxInFlight && ready.length > 0) void storeBatch();
    });
  }

  async function storeBatch() {
    const { chatIds, batch } = takeBatch();
    inFlight++;
    const results = await storeOrSplit(batch);
    inFlight--;
    for (const chatId of chatIds) options.turns.release(chatId);
    batch.forEach((queued, index) => {
      settle(queued, results[index]!);
    });
    wake();
  }

  function takeBatch(): { chatIds: string[]; batch: Queued[] } {
    const chatIds: string[] = [];
    const batch: Queued[] = [];
    let bytes = 0;
    const isFull = () => batch.length >= options.maxBatch || bytes >= options.maxBatchBytes;
    while (ready.length > 0 && !isFull()) {
      const chatId = ready.shift()!;
      const queue = queues.get(chatId)!;
      let taken = 0;
      while (taken < queue.length && !isFull()) {
        const queued = queue[taken++]!;
        bytes += maxBytesOf(queued.send);
        batch.push(queued);
      }
      chatIds.push(chatId);
      queues.delete(chatId);
      if (taken < queue.length) {
        // Behind whoever waits already: other changes of the chat get their turn between two batches.
        queues.set(chatId, queue.slice(taken));
        requestTurn(chatId);
      }
    }
    return { chatIds, batch };
  }

  /** When the database refuses a batch as a whole, its halves are tried, so that one bad item fails alone. */
  async function storeOrSplit(batch: Queued[]): Promise<SendResult[]> {
    try {
      return await options.store(batch.map((queued) => queued.send));
    } catch (error) {
      const { code } = toPublicError(error);
      if (code !== "internal" || batch.length === 1) return batch.map(() => ({ errorCode: code }));
      const middle = batch.length >> 1;
      const firstHalf = await storeOrSplit(batch.slice(0, middle));
      return [...firstHalf, ...(await storeOrSplit(batch.slice(middle)))];
    }
  }

  function settle(queued: Queued, result: SendResult) {
    underWay.delete(queued.key);
    queued.settle(result);
    // A failure was the first send's own: its repetitions are tried for themselves.
    for (const repetition of queued.repetitions) {
      if ("message" in result) repetition.settle(result);
      else enqueue(repetition);
    }
  }

  return {
    submit,
    async stop(deadlineMs) {
      isStopping = true;
      if (accepted === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      const timer = setTimeout(resolve, deadlineMs);
      await promise;
      clearTimeout(timer);
    },
  };
}
