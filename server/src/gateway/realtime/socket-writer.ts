/**
 * Writes whole frames to the TCP socket under a WebSocket. All that one event-loop turn writes to a socket leaves in
 * one system call: the socket is corked at its first write of the turn and uncorked at the turn's end. ws writes its
 * own frames (pong, close) to the same stream, whole as well, so the two never mix within a frame. See
 * docs/decisions/0013-socket-writes.md.
 */
import type { Duplex } from "node:stream";
import { fault } from "#platform/errors.ts";

/** Uncorks at the end of the turn; one for all sockets. */
export interface TurnFlusher {
  cork(socket: Duplex): void;
}

export function createTurnFlusher(): TurnFlusher {
  let corked: Duplex[] = [];
  const flush = () => {
    const sockets = corked;
    corked = [];
    for (const socket of sockets) socket.uncork();
  };
  return {
    cork(socket) {
      if (corked.length === 0) setImmediate(flush);
      corked.push(socket);
      socket.cork();
    },
  };
}

export class SocketWriter {
  readonly #socket: Duplex;
  readonly #flusher: TurnFlusher;
  #isHeld = false;

  constructor(socket: Duplex, flusher: TurnFlusher) {
    this.#socket = socket;
    this.#flusher = flusher;
  }

  /** Until release nothing leaves: neither frames nor, if it is not written yet, the answer to the handshake. */
  hold(): void {
    this.#isHeld = true;
    this.#socket.cork();
  }

  release(): void {
    if (this.#isHeld) this.#socket.uncork();
    this.#isHeld = false;
  }

  /**
   * Bytes that the peer has not taken from us, when this is the first write of the turn or nothing may leave; else 0.
   * What one turn adds is no sign of a slow peer: it had no chance to read it.
   */
  backlogBytes(): number {
    return this.#socket.writableCorked === 0 || this.#isHeld ? this.#socket.writableLength : 0;
  }

  write(frame: Buffer): void {
    const socket = this.#socket;
    if (socket.writableCorked === 0) this.#flusher.cork(socket);
    // A small frame is a slice of a pool; one that has to wait must not keep the whole pool alive.
    const mayWait = socket.writableNeedDrain && frame.buffer.byteLength > frame.length;
    socket.write(mayWait ? copyOutOfPool(frame) : frame);
  }

  /** Resolves once the peer has taken what was written; at once while little is waiting. */
  drained(timeoutMs: number): Promise<void> {
    const socket = this.#socket;
    // What nobody can take would be waited for in vain.
    this.release();
    if (!socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer);
        socket.off("drain", settle).off("close", onClose);
        if (error) reject(error);
        else resolve();
      };
      const onClose = () => settle(fault("cancelled"));
      const timer = setTimeout(() => settle(fault("timeout")), timeoutMs);
      socket.on("drain", settle).on("close", onClose);
    });
  }
}

function copyOutOfPool(frame: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(frame.length);
  frame.copy(copy);
  return copy;
}
