/** WebSockets besides /v2/ws: other paths, other credentials, other frames, but the same limits, feeds and ends. */
import type { IncomingMessage } from "node:http";
import type { Caller } from "#gateway/call.ts";
import type { CallFrame } from "#gateway/realtime/call-frame.ts";
import type { PublicError } from "#platform/errors.ts";

export interface SocketEntrance {
  readonly path: string;
  readonly protocol: SocketProtocol;
  /** Of every answer to the request that asks for the socket. */
  readonly headers: Readonly<Record<string, string>>;
  /** Rejects with "unauthenticated" or the like. */
  admit(request: IncomingMessage): Promise<Caller>;
  /** How a refusal is told; its headers are those of v2. */
  toAnswer(error: PublicError): { status?: number; body?: unknown };
  onOpened(): void;
}

/** What is spoken on a socket whose clients do not know the frames of v2, and so cannot ask for events either. */
export interface SocketProtocol {
  /**
   * The calls that a text frame stands for. Throws a BadFrameError when it cannot be read, and whatever else out of the
   * error registry when it can be read but not be called.
   */
  readCalls(text: string): readonly CallFrame[];
  /** What the client gets instead of a frame of v2; undefined: nothing. */
  translate(frame: Buffer, userId: string): Buffer | undefined;
}

export type SocketEntrances = ReadonlyMap<string, SocketEntrance>;

export function entranceOf(entrances: SocketEntrances, { url = "" }: IncomingMessage) {
  const end = url.search(/[?#]/);
  return entrances.get(end < 0 ? url : url.slice(0, end));
}
