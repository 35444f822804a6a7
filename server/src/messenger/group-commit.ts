/**
 * Stores what has gathered while the previous batch was being stored: no timer, so no wait when idle, and batches
 * grow with the load. A chat is in one batch at a time (chat-turns.ts).
 */

import type { Violation } from "@parley/api/v2/errors";
import type { Message } from "@parley/api/v2/event";
import type { AttachmentRow } from "#messenger/attachments/attachment-row.ts";
import type { ChatTurns } from "#messenger/chat-turns.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import type { Trace } from "#platform/trace.ts";

/** A send that was found well-formed: ids canonical, text within its limit. */
export interface ValidSend {
  chatId: string;
  senderId: string;
  clientId: string;
  text: string;
  /** Seq of the message that this one answers. */
  replyToSeq: number | null;
  /** Null: none. Else blobs holds them, and they are noted as being attached (store-attachments.ts). */
  attachments: AttachmentRow[] | null;
  /** Undefined: not recorded. */
  trace?: Trace | undefined;
}

export type SendResult =
  | { message: Message }
  | { errorCode: ErrorCode; violations?: Pick<Violation, "field" | "message">[] };

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
const maxBytesOf = (send: ValidSend) =>
  3 * (send.text.length + send.clientId.length) + (send.attachments?.length ?? 0) * maxAttachmentBytes;
const maxAttachmentBytes = 2_048;

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #queues = new Map<string, Queued[]>();
  /** Chats with a queue whose turn has come. */
  readonly #ready: string[] = [];
  /** Queued or being stored, by what makes a send the same. */
  readonly #underWay = new Map<string, Queued>();
  #accepted = 0;
  #acceptedBytes = 0;
  #inFlight = 0;
  #isWakeScheduled = false;
  #isStopping = false;
  #onIdle: (() => void) | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Messages that wait, or are being stored. */
  get size(): number {
    return this.#accepted;
  }

  /** Never rejects. Sends of one chat are stored in the order of submission. */
  submit(send: ValidSend): Promise<SendResult> {
    if (this.#isStopping) return Promise.resolve({ errorCode: "unavailable" });
    const bytes = maxBytesOf(send);
    const { maxQueued, maxQueuedBytes } = this.#options;
    if (this.#accepted >= maxQueued || this.#acceptedBytes + bytes > maxQueuedBytes) {
      return Promise.resolve({ errorCode: "overloaded" });
    }
    this.#accepted++;
    this.#acceptedBytes += bytes;
    return new Promise((resolve) => {
      const settle = (result: SendResult) => {
        this.#accepted--;
        this.#acceptedBytes -= bytes;
        resolve(result);
        if (this.#accepted === 0) this.#onIdle?.();
      };
      this.#enqueue({ send, settle });
    });
  }

  /** Refuses new sends and waits until what was accepted is stored, for at most `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    if (this.#accepted === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, deadlineMs);
    await promise;
    clearTimeout(timer);
  }

  #enqueue({ send, settle }: Accepted) {
    const key = `${send.chatId} ${send.senderId} ${send.clientId}`;
    const first = this.#underWay.get(key);
    if (first) {
      first.repetitions.push({ send, settle });
      return;
    }
    const queued: Queued = { send, key, settle, repetitions: [] };
    this.#underWay.set(key, queued);
    const queue = this.#queues.get(send.chatId);
    if (queue) {
      queue.push(queued);
    } else {
      this.#queues.set(send.chatId, [queued]);
      this.#requestTurn(send.chatId);
    }
  }

  #requestTurn(chatId: string) {
    this.#options.turns.request(chatId, () => {
      this.#ready.push(chatId);
      this.#wake();
    });
  }

  /** Not at once: the caller may be about to submit more. */
  #wake() {
    if (this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    queueMicrotask(() => {
      this.#isWakeScheduled = false;
      while (this.#inFlight < this.#options.maxInFlight && this.#ready.length > 0) void this.#storeBatch();
    });
  }

  async #storeBatch() {
    const { chatIds, batch } = this.#takeBatch();
    this.#inFlight++;
    const results = await this.#storeOrSplit(batch);
    this.#inFlight--;
    for (const chatId of chatIds) this.#options.turns.release(chatId);
    for (const [index, queued] of batch.entries()) this.#settle(queued, results[index]!);
    this.#wake();
  }

  #takeBatch(): { chatIds: string[]; batch: Queued[] } {
    const { maxBatch, maxBatchBytes } = this.#options;
    const chatIds: string[] = [];
    const batch: Queued[] = [];
    let bytes = 0;
    const isFull = () => batch.length >= maxBatch || bytes >= maxBatchBytes;
    while (this.#ready.length > 0 && !isFull()) {
      const chatId = this.#ready.shift()!;
      const queue = this.#queues.get(chatId)!;
      let taken = 0;
      while (taken < queue.length && !isFull()) {
        const queued = queue[taken++]!;
        bytes += maxBytesOf(queued.send);
        batch.push(queued);
      }
      chatIds.push(chatId);
      this.#queues.delete(chatId);
      if (taken < queue.length) {
        // Behind whoever waits already: other changes of the chat get their turn between two batches.
        this.#queues.set(chatId, queue.slice(taken));
        this.#requestTurn(chatId);
      }
    }
    return { chatIds, batch };
  }

  /** When the database refuses a batch as a whole, its halves are tried, so that one bad item fails alone. */
  async #storeOrSplit(batch: Queued[]): Promise<SendResult[]> {
    try {
      return await this.#options.store(batch.map((queued) => queued.send));
    } catch (error) {
      const { code } = toPublicError(error);
      if (code !== "internal" || batch.length === 1) return batch.map(() => ({ errorCode: code }));
      const middle = batch.length >> 1;
      const firstHalf = await this.#storeOrSplit(batch.slice(0, middle));
      return [...firstHalf, ...(await this.#storeOrSplit(batch.slice(middle)))];
    }
  }

  #settle(queued: Queued, result: SendResult) {
    this.#underWay.delete(queued.key);
    queued.settle(result);
    // A refusal is theirs too: they name the same send. Trying each for itself would be work without a bound.
    for (const repetition of queued.repetitions) repetition.settle(result);
  }
}
