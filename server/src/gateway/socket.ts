/**
 * One WebSocket of a signed-in user: call frames in, answers and pushed frames out, and its end. There may be very
 * many of them, mostly idle: no timers of their own, few objects.
 */
import type { WebSocket } from "ws";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import type { CallContext, Caller } from "#gateway/call.ts";
import { type CloseReason, closeReasons } from "#gateway/realtime/close-codes.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";
import { Heartbeat, positionsFrame } from "#gateway/realtime/heartbeat.ts";
import { type CallSurroundings, SocketCalls } from "#gateway/realtime/socket-calls.ts";
import type { SocketProtocol } from "#gateway/realtime/socket-entrance.ts";
import type { SocketWriter } from "#gateway/realtime/socket-writer.ts";
import type { Feed } from "#gateway/realtime/subscriber.ts";
import { pingFrame } from "#gateway/realtime/text-frame.ts";
import type { TimerWheel, Wakeable } from "#gateway/realtime/timer-wheel.ts";
import { TokenBucket } from "#gateway/realtime/token-bucket.ts";
import type { UserConnection } from "#gateway/realtime/user-connections.ts";

export interface SocketSurroundings extends CallSurroundings<Connection> {
  readonly config: SocketConfig;
  readonly wheel: TimerWheel;
  readonly endedSessions: Pick<EndedSessions, "has">;
  /** How far clocks may differ when a token expires. */
  readonly tokenToleranceMs: number;
  /** Called when the server closes it. */
  onClose(reason: CloseReason): void;
  /** Called once, when it closes: it gets nothing more. */
  onEnd(connection: Connection): void;
  /** Called once, when the TCP connection is gone. */
  onGone(connection: Connection): void;
}

const burstSeconds = 2;
const drainTimeoutMs = 30_000;

export class Connection implements UserConnection, Wakeable {
  readonly userId: string;
  readonly feeds = new Set<Feed>();
  isListening = false;
  isResuming = false;
  wheelSlot: Set<Wakeable> | undefined;
  context: CallContext & { readonly caller: Caller };
  readonly #surroundings: SocketSurroundings;
  readonly #ws: WebSocket;
  readonly #writer: SocketWriter;
  readonly #bucket: TokenBucket;
  readonly #heartbeat: Heartbeat;
  readonly #calls: SocketCalls<Connection>;
  readonly #protocol: SocketProtocol | undefined;
  #positionsAtMs: number;
  #isEnded = false;

  constructor(
    ws: WebSocket,
    writer: SocketWriter,
    context: CallContext & { readonly caller: Caller },
    surroundings: SocketSurroundings,
    /** Undefined: that of v2. */
    protocol?: SocketProtocol,
  ) {
    const { clock, config } = surroundings;
    this.userId = context.caller.userId;
    this.context = context;
    this.#ws = ws;
    this.#writer = writer;
    this.#surroundings = surroundings;
    this.#calls = new SocketCalls(this, surroundings, protocol);
    this.#protocol = protocol;
    this.#heartbeat = new Heartbeat(clock.now());
    this.#positionsAtMs = clock.now();
    this.#bucket = new TokenBucket(config.PARLEY_WS_FRAMES_PER_SECOND * burstSeconds, clock.now());
    ws.on("message", (data: Buffer, isBinary) => this.#receive(data, isBinary));
    ws.on("pong", () => this.#heartbeat.noteLife());
    ws.on("ping", () => this.#countFrame());
    // ws closes by itself, with a fitting code, and says so by "close".
    ws.on("error", () => {});
    ws.on("close", () => {
      this.#end();
      surroundings.onGone(this);
    });
    this.reschedule();
  }

  get isOpen(): boolean {
    return !this.#isEnded && this.#ws.readyState === this.#ws.OPEN;
  }

  push(frame: Buffer): void {
    if (!this.isOpen) return;
    const own = this.#protocol ? this.#protocol.translate(frame, this.userId) : frame;
    if (own) this.#write(own);
  }

  #write(frame: Buffer) {
    if (this.#writer.backlogBytes() > this.#surroundings.config.PARLEY_WS_MAX_BUFFERED_BYTES) {
      this.close(closeReasons.tooSlow);
    } else {
      this.#writer.write(frame);
    }
  }

  async drained(): Promise<void> {
    try {
      await this.#writer.drained(drainTimeoutMs);
    } catch (error) {
      this.close(closeReasons.tooSlow);
      throw error;
    }
  }

  demandResume(): void {
    this.close(closeReasons.resync);
  }

  close(reason: CloseReason): void {
    if (this.#isEnded) return;
    this.#surroundings.onClose(reason);
    this.#end();
    this.#ws.close(reason.code, reason.text);
  }

  /** Closes once the calls under way are answered; takes no more. */
  drain(): void {
    this.#calls.drain();
  }

  terminate(): void {
    this.#end();
    this.#ws.terminate();
  }

  #end() {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.isListening = false;
    this.#surroundings.wheel.cancel(this);
    for (const feed of this.feeds) feed.leave(this);
    this.#surroundings.onEnd(this);
  }

  #receive(data: Buffer, isBinary: boolean) {
    if (this.#isEnded) return;
    this.#heartbeat.noteLife();
    const isAllowed = this.#countFrame();
    if (!this.#isEnded) this.#calls.receive(data, isBinary, isAllowed);
  }

  /** Whether the frame is within the limit. Frames above it run into debt, and that is bounded as well. */
  #countFrame(): boolean {
    const perSecond = this.#surroundings.config.PARLEY_WS_FRAMES_PER_SECOND;
    if (perSecond === 0) return true;
    const burst = perSecond * burstSeconds;
    const left = this.#bucket.take(perSecond, burst, this.#surroundings.clock.now());
    if (left < -burst) this.close(closeReasons.flood);
    return left >= 0;
  }

  /** When the token does not count any more. */
  get expiresAtMs(): number {
    return this.context.caller.tokenExpiresAt + this.#surroundings.tokenToleranceMs;
  }

  /** To be called when the token's expiry has changed. */
  reschedule(): void {
    const { wheel, clock } = this.#surroundings;
    wheel.schedule(this, this.#secondsToNextWake(clock.now()));
  }

  #secondsToNextWake(nowMs: number): number {
    const nextAtMs = Math.min(this.#heartbeat.nextAtMs(this.#surroundings.config), this.expiresAtMs);
    return (nextAtMs - nowMs) / 1_000;
  }

  wake(nowMs: number): number {
    const { config, endedSessions } = this.#surroundings;
    const { sessionId } = this.context.caller;
    const due = this.#heartbeat.due(config, nowMs);
    if (nowMs >= this.expiresAtMs) this.close(closeReasons.tokenExpired);
    // The bus tells of it at once, see socket-server.ts, but may lose it.
    else if (sessionId && endedSessions.has(sessionId)) this.close(closeReasons.sessionEnded);
    else if (due === "dead") this.terminate();
    else if (due === "ping") this.#ping(nowMs);
    return this.#isEnded ? 0 : this.#secondsToNextWake(nowMs);
  }

  #ping(nowMs: number) {
    if (this.isOpen) this.#write(pingFrame);
    const positions = positionsFrame(this, this.#positionsAtMs);
    this.#positionsAtMs = nowMs;
    if (positions) this.push(positions);
  }
}
