/**
 * Bytes on the streams of HTTP/2, no faster than both sides are: what is not read stays with the sender, but for one
 * flow-control window, and what cannot be sent yet is waited for.
 */
import type { Http2Stream } from "node:http2";
import type { Patience } from "#platform/wire/patience.ts";

export class StreamGone extends Error {
  constructor() {
    super("the stream was reset, or its connection lost");
    this.name = "StreamGone";
  }
}

export interface Turns {
  /** Has begun while the other side is waited for; undefined: that may take as long as it takes. */
  patience: Patience | undefined;
  patienceMs: number;
  onBytes?(): void;
}

/** As they come. That they end does not mean that they were all: a reset reads like an end. */
export async function* incomingBytes(
  stream: Http2Stream,
  { patience, patienceMs, onBytes }: Turns,
): AsyncGenerator<Buffer> {
  const chunks = stream.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      patience?.begin(patienceMs);
      const next = await chunks.next();
      patience?.end();
      if (next.done) return;
      onBytes?.();
      yield next.value;
    }
  } finally {
    patience?.end();
    await chunks.return?.();
  }
}

/** Resolves once more may be written. Rejects with StreamGone when the stream ends. */
export async function writeBytes(stream: Http2Stream, bytes: Uint8Array, { patience, patienceMs }: Turns) {
  if (!stream.writable) throw new StreamGone();
  if (stream.write(bytes)) return;
  patience?.begin(patienceMs);
  try {
    await untilDrained(stream);
  } finally {
    patience?.end();
  }
}

function untilDrained(stream: Http2Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      stream.off("drain", onDrain).off("close", onClose);
      end();
    };
    const onDrain = () => settle(resolve);
    const onClose = () => settle(() => reject(new StreamGone()));
    stream.on("drain", onDrain).on("close", onClose);
  });
}
