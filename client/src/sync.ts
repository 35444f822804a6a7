/**
 * Delivery: every event of every chat exactly once and in the order of seq, over any number of connections.
 *
 * For each chat it holds the seq up to which events were delivered. On each connection it tells the server these
 * positions (Resume); the server sends what is missing, or says that it cannot, which the application hears as
 * "refetch". An event that is not the next one waits until the ones before it have come, and makes it resume again;
 * so do positions of the server's that are ahead. So no gap is passed over in silence.
 */
import type { EventJson } from "@parley/api/v2/event";
import type { ChatPositionJson, ResumeResponseJson } from "@parley/api/v2/realtime";
import { type BackoffOptions, createBackoff } from "./backoff.ts";
import type { ParleyError } from "./error.ts";
import type { Refetch } from "./events.ts";
import { type ChatEvent, toChatEvent } from "./shapes.ts";

export interface SyncOptions {
  /** Calls RealtimeService/Resume on the present connection. */
  resume(
    positions: Record<string, number>,
    done: (error: ParleyError | undefined, answer: ResumeResponseJson) => void,
  ): void;
  onEvent(event: ChatEvent): void;
  /** Typing, read, presence, process, search, and chats that were created: not part of any log. */
  onEphemeral(event: EventJson): void;
  onRefetch(refetch: Refetch): void;
  /** The server has answered the connection's first Resume. */
  onResumed(): void;
  /** Who the user is: one's own removal from a chat ends its delivery. */
  userId(): string | undefined;
  /** Where an earlier run of the application stopped. */
  positions: Record<string, number>;
  backoff: BackoffOptions;
  random: () => number;
}

export interface Sync {
  onOpen(): void;
  onDown(): void;
  onEvents(events: EventJson[]): void;
  onPositions(positions: Record<string, number>): void;
  positions(): Record<string, number>;
  /** Forgets everything: the next user starts anew. */
  reset(): void;
}

interface Cursor {
  /** Delivered up to here; undefined until the server has said where delivery starts. */
  seq: number | undefined;
  /** Events that came before the ones that precede them. */
  ahead: Map<number, ChatEvent> | undefined;
}

/** Of one chat. More are dropped, and asked for again when the ones before them have come. */
const maxAhead = 1000;
/** The contract's limit on the positions of one Resume. */
const maxPositions = 2000;

export function createSync(options: SyncOptions): Sync {
  const cursors = new Map<string, Cursor>();
  const backoff = createBackoff(options.backoff, options.random);
  // Whether the chats of the user were ever learnt: from then on an unknown chat is one that was joined.
  let hasBaseline = Object.keys(options.positions).length > 0;
  // Whether this connection's first Resume was answered.
  let isLive = false;
  let isResuming = false;
  let connection = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (const [chatId, seq] of Object.entries(options.positions))
    cursors.set(chatId, { seq, ahead: undefined });

  function onEvent(json: EventJson): void {
    const { seq, chatId = "" } = json;
    if (seq === undefined) {
      // A chat that has just come into being: its log starts after this.
      if (json.kind === "chat" && isLive && !cursors.has(chatId)) {
        cursors.set(chatId, { seq: 0, ahead: undefined });
      }
      options.onEphemeral(json);
      return;
    }
    const cursor = cursors.get(chatId) ?? addCursor(chatId, seq);
    if (cursor.seq === seq - 1) {
      deliver(cursor, toChatEvent(json));
      if (cursor.ahead) drain(cursor);
    } else if (cursor.seq === undefined || seq > cursor.seq) {
      cursor.ahead ??= new Map();
      if (cursor.ahead.size < maxAhead) cursor.ahead.set(seq, toChatEvent(json));
      if (isLive) resume();
    }
  }

  function addCursor(chatId: string, firstSeq: number): Cursor {
    // Before the answer to Resume nobody knows where delivery of this chat starts; afterwards: here.
    const cursor: Cursor = { seq: isLive ? firstSeq - 1 : undefined, ahead: undefined };
    cursors.set(chatId, cursor);
    if (isLive && firstSeq > 1) options.onRefetch({ chatId, reason: "joined" });
    return cursor;
  }

  function deliver(cursor: Cursor, event: ChatEvent): void {
    cursor.seq = event.seq;
    const { membership } = event;
    if (membership?.change === "removed" && membership.userId === options.userId())
      cursors.delete(event.chatId);
    options.onEvent(event);
  }

  function drain(cursor: Cursor): void {
    const { ahead } = cursor;
    if (!ahead) return;
    for (;;) {
      const next = ahead.get(cursor.seq! + 1);
      if (!next) break;
      ahead.delete(next.seq);
      deliver(cursor, next);
    }
    for (const seq of ahead.keys()) if (seq <= cursor.seq!) ahead.delete(seq);
    if (ahead.size === 0) cursor.ahead = undefined;
  }

  function resume(): void {
    if (isResuming || timer !== undefined) return;
    isResuming = true;
    const mine = connection;
    const positions = Object.entries(heldPositions());
    const ask = (from: number): void => {
      const named = new Map(positions.slice(from, from + maxPositions));
      options.resume(Object.fromEntries(named), (error, answer) => {
        if (mine !== connection) return;
        if (error) return retry(error.retryAfterMs);
        const chats = answer.chats ?? [];
        for (const chat of chats) if (named.has(chat.chatId!)) recover(chat);
        if (from + maxPositions < positions.length) return ask(from + maxPositions);
        finish(chats, new Set(positions.map(([chatId]) => chatId)));
      });
    };
    ask(0);
  }

  function retry(atLeastMs?: number): void {
    isResuming = false;
    timer = setTimeout(() => {
      timer = undefined;
      resume();
    }, backoff.nextMs(atLeastMs));
  }

  function finish(chats: ChatPositionJson[], named: Set<string>): void {
    const isFirst = !isLive;
    isResuming = false;
    isLive = true;
    for (const { chatId = "", seq = 0 } of chats) {
      if (!named.delete(chatId)) meet(chatId, seq);
    }
    for (const chatId of named) {
      if (cursors.delete(chatId)) options.onRefetch({ chatId, reason: "left" });
    }
    hasBaseline = true;
    if ([...cursors.values()].some(({ ahead }) => ahead)) retry();
    else backoff.reset();
    if (isFirst) options.onResumed();
  }

  /** A chat whose position the server was told. */
  function recover({ chatId = "", seq = 0, recovered = false }: ChatPositionJson): void {
    const cursor = cursors.get(chatId);
    if (cursor?.seq === undefined) return;
    if (recovered && cursor.seq >= seq) {
      drain(cursor);
      return;
    }
    // It may be behind what was held: the server was restored from an older state.
    cursor.seq = seq;
    options.onRefetch({ chatId, reason: "not-recovered" });
    drain(cursor);
  }

  /** A chat that was not known: delivery starts after this seq. */
  function meet(chatId: string, seq: number): void {
    const cursor = cursors.get(chatId) ?? { seq: undefined, ahead: undefined };
    if (cursor.seq !== undefined) return;
    cursor.seq = seq;
    cursors.set(chatId, cursor);
    if (hasBaseline) options.onRefetch({ chatId, reason: "joined" });
    drain(cursor);
  }

  function heldPositions(): Record<string, number> {
    const held: Record<string, number> = {};
    for (const [chatId, { seq }] of cursors) if (seq !== undefined) held[chatId] = seq;
    return held;
  }

  function disconnect(): void {
    connection++;
    isLive = false;
    isResuming = false;
    clearTimeout(timer);
    timer = undefined;
    for (const [chatId, cursor] of cursors) {
      cursor.ahead = undefined;
      if (cursor.seq === undefined) cursors.delete(chatId);
    }
  }

  return {
    onOpen() {
      disconnect();
      resume();
    },
    onDown: disconnect,
    onEvents(events) {
      for (const event of events) onEvent(event);
    },
    onPositions(positions) {
      if (!isLive) return;
      for (const [chatId, seq] of Object.entries(positions)) {
        const held = cursors.get(chatId)?.seq;
        if (held === undefined) meet(chatId, seq);
        else if (seq > held) resume();
      }
    },
    positions: heldPositions,
    reset() {
      disconnect();
      cursors.clear();
      hasBaseline = false;
    },
  };
}
