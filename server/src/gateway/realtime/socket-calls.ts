/** The calls of one WebSocket: a frame comes in, is decoded, answered and, when it is none or not allowed, refused. */
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { CallContext, Caller } from "#gateway/call.ts";
import { chatIdOf, type RpcObserver } from "#gateway/call-observer.ts";
import { logFailure } from "#gateway/http/failure-log.ts";
import { decodeJson } from "#gateway/json/json-decoder.ts";
import {
  BadFrameError,
  type CallFrame,
  errorFrame,
  findMethod,
  parseCallFrame,
  resultFrame,
} from "#gateway/realtime/call-frame.ts";
import { type CloseReason, closeReasons } from "#gateway/realtime/close-codes.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";
import type { SocketProtocol } from "#gateway/realtime/socket-entrance.ts";
import type { Clock } from "#platform/clock.ts";
import { fault, type PublicError, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { Trace } from "#platform/trace.ts";

export interface CallSurroundings<S> {
  readonly config: Pick<SocketConfig, "PARLEY_WS_MAX_CALLS">;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: RpcObserver;
  answer(socket: S, method: DescMethodUnary, request: Message, trace: Trace | undefined): Promise<Message>;
}

export interface CallingSocket {
  readonly context: CallContext & { readonly caller: Caller };
  readonly expiresAtMs: number;
  push(frame: Buffer): void;
  close(reason: CloseReason): void;
}

/** In a row. */
const maxBadFrames = 10;

export class SocketCalls<S extends CallingSocket> {
  readonly #socket: S;
  readonly #surroundings: CallSurroundings<S>;
  readonly #protocol: SocketProtocol | undefined;
  #underWay = 0;
  #badFrames = 0;
  #isDraining = false;

  constructor(socket: S, surroundings: CallSurroundings<S>, protocol?: SocketProtocol) {
    this.#socket = socket;
    this.#surroundings = surroundings;
    this.#protocol = protocol;
  }

  /** `isAllowed`: the frame is within the limit. One that is not is told so under its id. */
  receive(data: Buffer, isBinary: boolean, isAllowed: boolean): void {
    try {
      if (isBinary)
        throw new BadFrameError(null, fault("malformed-request", { detail: "Frames must be text" }));
      const text = data.toString();
      if (this.#protocol) for (const frame of this.#protocol.readCalls(text)) this.#call(frame, isAllowed);
      else this.#call(parseCallFrame(text), isAllowed);
    } catch (error) {
      this.#refuseFrame(error);
    }
  }

  #call(frame: CallFrame, isAllowed: boolean) {
    const method = findMethod(frame);
    this.#badFrames = 0;
    void this.#answer(frame, method, isAllowed);
  }

  /** Closes the socket once the calls under way are answered; takes no more. */
  drain(): void {
    this.#isDraining = true;
    if (this.#underWay === 0) this.#socket.close(closeReasons.restart);
  }

  #refuseFrame(error: unknown) {
    const isBad = error instanceof BadFrameError;
    this.#socket.push(errorFrame(isBad ? error.id : null, isBad ? error.cause : error));
    if (isBad) this.#badFrames += 1;
    if (this.#badFrames >= maxBadFrames) this.#socket.close(closeReasons.badFrames);
  }

  async #answer(frame: CallFrame, method: DescMethodUnary, isAllowed: boolean) {
    this.#underWay += 1;
    const { observer } = this.#surroundings;
    const startedAtMs = performance.now();
    let trace = observer.acceptCheaply(method, frame.traceparent);
    let told: PublicError | undefined;
    let chatId: string | undefined;
    try {
      this.#requireMayCall(isAllowed);
      const request = decodeJson(method.input, frame.params);
      chatId = chatIdOf(request);
      const result = await this.#surroundings.answer(this.#socket, method, request, trace);
      this.#socket.push(resultFrame(frame.id, method.output, result));
    } catch (error) {
      told = toPublicError(error);
      trace ??= new Trace(undefined);
      const { caller } = this.#socket.context;
      logFailure(this.#surroundings.log, { told, error, called: frame.call, trace, caller, chatId });
      this.#socket.push(errorFrame(frame.id, error, trace.traceId));
    }
    observer.finished(method, { startedAtMs, trace, told, caller: this.#socket.context.caller, chatId });
    this.#underWay -= 1;
    if (this.#isDraining && this.#underWay === 0) this.#socket.close(closeReasons.restart);
  }

  #requireMayCall(isAllowed: boolean) {
    const { config, clock } = this.#surroundings;
    if (!isAllowed || this.#underWay > config.PARLEY_WS_MAX_CALLS) throw fault("too-many-requests");
    if (this.#isDraining) throw fault("unavailable");
    if (clock.now() >= this.#socket.expiresAtMs) throw fault("token-expired");
  }
}
