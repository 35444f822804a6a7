/**
 * A client that holds its chats' logs as a product would, and fails at once when what it is pushed is not exactly the
 * next event of the log: invariant 4 of the design.
 */
import assert from "node:assert/strict";
import type { EventJson } from "@parley/api/v2/event";
import type { MemoryMessenger } from "#test/memory-messenger.ts";
import type { SocketClient } from "#test/socket-client.ts";

interface HeldChat {
  /** Up to here it holds everything. */
  seq: number;
  /** What it holds, as texts to compare; a hole where it did not have to know. */
  texts: Map<number, string>;
}

export class ModelClient {
  readonly userId: string;
  readonly held = new Map<string, HeldChat>();
  readonly violations: string[] = [];
  readonly #messenger: MemoryMessenger;
  readonly #open: () => Promise<SocketClient>;
  client: SocketClient | undefined;
  #isConnecting = false;
  /** While resuming: the seqs pushed of chats of which it does not know yet whether they are recovered. */
  #uncertain: Map<string, HeldChat> | undefined;
  /** The positions that the latest resume named. */
  #named: Record<string, number> = {};
  /** The chats that its user was removed from since that resume was called. */
  readonly #leftSince = new Set<string>();

  constructor(userId: string, messenger: MemoryMessenger, open: () => Promise<SocketClient>) {
    this.userId = userId;
    this.#messenger = messenger;
    this.#open = open;
  }

  get isConnected(): boolean {
    return this.client !== undefined && this.client.closed === undefined;
  }

  disconnect(): void {
    this.client?.ws.terminate();
    this.client = undefined;
  }

  async connect(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.disconnect();
    const client = await this.#open();
    this.client = client;
    this.#uncertain = undefined;
    this.#isConnecting = false;
    client.onEvent = (event) => {
      if (this.client === client) this.#take(event);
    };
    await this.resume();
  }

  async resume(): Promise<void> {
    const { client } = this;
    if (!client || this.#uncertain) return;
    const uncertain = new Map<string, HeldChat>();
    this.#uncertain = uncertain;
    const positions = Object.fromEntries([...this.held].map(([chatId, { seq }]) => [chatId, seq]));
    this.#named = positions;
    this.#leftSince.clear();
    await new Promise<void>((resolve) => {
      client.askInOrder("RealtimeService/Resume", { positions }, ({ result }) => {
        resolve();
        if (this.#uncertain !== uncertain) return;
        this.#uncertain = undefined;
        if (result) this.#takeAnswer(result.chats, uncertain);
        else client.ws.terminate();
      });
    });
  }

  #takeAnswer(
    chats: { chatId: string; seq: number; recovered: boolean }[],
    uncertain: Map<string, HeldChat>,
  ) {
    const told = new Set(chats.map(({ chatId }) => chatId));
    for (const { chatId, seq, recovered } of chats) {
      const pushed = uncertain.get(chatId);
      if (recovered) {
        if (pushed && !this.held.has(chatId)) this.held.set(chatId, pushed);
        const held = this.held.get(chatId);
        this.#check(held?.seq === seq, `recovered ${chatId} at ${seq}, holds ${held?.seq}`);
      } else {
        this.#check(!pushed || pushed.seq === seq, `pushed up to ${pushed?.seq}, answered ${seq}`);
        this.#refetch(chatId, seq);
      }
    }
    for (const chatId of this.held.keys()) if (!told.has(chatId)) this.held.delete(chatId);
  }

  #refetch(chatId: string, seq: number) {
    const texts = new Map(
      this.#messenger
        .log(chatId)
        .slice(0, seq)
        .map((event) => [event.seq ?? 0, textOf(event)]),
    );
    this.held.set(chatId, { seq, texts });
  }

  #take(event: EventJson) {
    const { chatId = "", seq, kind } = event;
    if (kind === "chat" && seq === undefined) {
      if (!this.held.has(chatId)) this.held.set(chatId, { seq: 0, texts: new Map() });
      return;
    }
    if (seq === undefined) return;
    const held = this.#heldFor(event, chatId, seq);
    // A repeated resume may push again what a client already holds; it may never skip.
    const isAgain = this.#uncertain !== undefined && seq <= held.seq && held.texts.get(seq) === textOf(event);
    this.#check(isAgain || seq === held.seq + 1, `${chatId}: got ${seq} after ${held.seq}`);
    held.seq = Math.max(held.seq, seq);
    held.texts.set(seq, textOf(event));
    const change = event.membership?.userId === this.userId ? event.membership.change : undefined;
    if (change === "removed") {
      this.held.delete(chatId);
      this.#uncertain?.delete(chatId);
      this.#leftSince.add(chatId);
    }
  }

  /**
   * Where the event belongs. Until a resume is answered, a chat may begin anew beyond what is held of it: the answer has
   * to say then that the gap is not recovered. From there on nothing may be skipped, except while its user was no member.
   */
  #heldFor(event: EventJson, chatId: string, seq: number): HeldChat {
    const begun = this.#uncertain?.get(chatId);
    const known = begun ?? this.held.get(chatId);
    const isOwnAdding = event.membership?.userId === this.userId && event.membership.change === "added";
    const mayBegin = this.#uncertain !== undefined && (begun === undefined || isOwnAdding);
    const beginsAnew = known !== undefined && mayBegin && seq > known.seq + 1;
    // What it was pushed and forgot as its user left, before the server took up the resume, may come again.
    const isFirstNamed = seq === (this.#named[chatId] ?? Number.NaN) + 1;
    const isReplayed = isFirstNamed && begun?.texts.has(seq) === false && this.#leftSince.has(chatId);
    if (known && !beginsAnew && !isReplayed) return known;
    const held = { seq: seq - 1, texts: new Map() };
    this.#check(isOwnAdding || mayBegin || isReplayed, `${chatId}: the first seen is ${seq}, ${event.kind}`);
    (this.#uncertain ?? this.held).set(chatId, held);
    return held;
  }

  #check(isSo: boolean, what: string) {
    if (!isSo) this.violations.push(what);
  }

  /** What it does not hold of the chats of its user; empty when it holds all. */
  lacking(): string[] {
    const own = [...this.#messenger.chats.values()].filter((chat) => chat.members.has(this.userId));
    const behind = own.filter((chat) => this.held.get(chat.id)?.seq !== chat.log.length);
    return behind.map(({ id, log }) => `${this.held.get(id)?.seq} of ${log.length} in ${id}`);
  }

  verify(): void {
    assert.deepEqual(this.violations, []);
    for (const [chatId, { texts }] of this.held) {
      const log = this.#messenger.log(chatId);
      for (const [seq, text] of texts) assert.equal(text, textOf(log[seq - 1]));
    }
  }
}

/** Enough of an event to tell it from every other. */
function textOf(event: { message?: unknown; membership?: unknown } | undefined): string {
  const { text = "" } = (event?.message ?? {}) as { text?: string };
  const { userId = "", change = "" } = (event?.membership ?? {}) as { userId?: string; change?: string };
  return `${text}|${userId}|${change}`;
}
