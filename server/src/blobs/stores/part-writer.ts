/**
 * How bytes get to a store over HTTP with little memory. Few: in one request, out of memory, so that it can be tried again. Of known
 * size: in one request as they come. Too many for one request: in parts, as they come. Many of unknown size: in parts out of buffers, of
 * which all transfers of the process share a few.
 */
import type { Readable } from "node:stream";
import { type ByteSource, openSource } from "#blobs/stores/byte-source.ts";
import type { WriteOptions } from "#blobs/stores/object-store.ts";
import { fill, gather, streamOf } from "#blobs/stores/sent-bytes.ts";
import { createStallWatch, type StallWatch } from "#blobs/stores/stall-watch.ts";
import { fault } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";

/** One object's way into a store. A Buffer may be sent again when the store fails; a stream is sent once. */
export interface ObjectUpload {
  put(body: PartBody, signal: AbortSignal): Promise<void>;
  /** Parts are numbered from 1, and come in order. */
  begin(signal: AbortSignal): Promise<PartedUpload>;
  /** Best effort, of an object that may have been stored although it was not acknowledged. */
  remove(): Promise<void>;
}

export interface PartedUpload {
  part(number: number, body: PartBody, signal: AbortSignal): Promise<void>;
  complete(signal: AbortSignal): Promise<void>;
  /** Best effort. */
  abort(): Promise<void>;
}

export interface PartBody {
  bytes: Buffer | Readable;
  size: number;
}

export interface PartLimits {
  /** What one request takes. */
  putBytes: number;
  /** Of an object that is too large for one request, and whose size is known. */
  streamedPartBytes: number;
  maxParts: number;
  /** A store that takes no bytes and gives no answer for so long is away. */
  stallMs: number;
}

/** So many are sent out of memory, in one request. */
const smallBytes = 262_144;
const noBytes = Buffer.alloc(0);
/** The least that S3 takes as a part. */
export const bufferBytes = 5_242_880;
const buffers = 5;
const bufferWaitMs = 30_000;
const maxWaiting = 10_000;
/** Who takes longer to fill one while others wait for it makes room for them. */
const usualFillMs = 20_000;

export type PartWriter = (
  upload: ObjectUpload,
  bytes: AsyncIterable<Uint8Array>,
  options: WriteOptions,
  /** What a caller is told of an error of the store. */
  toFault: (error: unknown) => unknown,
) => Promise<void>;

export function createPartWriter(limits: PartLimits, maxFillMs = usualFillMs): PartWriter {
  const gate = createGate({ maxRunning: buffers, maxWaiting, maxWaitMs: bufferWaitMs });
  const spare: Buffer[] = [];

  async function send({ upload, source, size, signal, watch }: Sending): Promise<void> {
    if (size !== undefined && size <= smallBytes) {
      const buffer = Buffer.allocUnsafeSlow(size);
      await fill(source, buffer, { watch });
      await putWhole(upload, { bytes: buffer, size }, signal);
    } else if (size !== undefined && size <= limits.putBytes) {
      await putWhole(upload, { bytes: streamOf(source, size, watch), size }, signal);
    } else if (size !== undefined) {
      await inParts(upload, signal, async (parts) => {
        for (let number = 1, left = size; left > 0; number++) {
          const partBytes = Math.min(left, limits.streamedPartBytes);
          await parts.part(number, { bytes: streamOf(source, partBytes, watch), size: partBytes }, signal);
          left -= partBytes;
        }
      });
    } else await sendBuffered({ upload, source, size, signal, watch });
  }

  /**
   * A buffer is held while it is filled and sent, then given to whoever waits for one. Few bytes need none: who sends slowly holds
   * one for long, and most have few.
   */
  async function sendBuffered({ upload, source, signal, watch }: Sending): Promise<void> {
    let first = await gather(source, smallBytes, watch);
    if (source.hasEnded) return putWhole(upload, { bytes: first, size: first.byteLength }, signal);
    let parts: PartedUpload | undefined;
    const sendNext = (number: number) =>
      withBuffer(watch, signal, async (buffer) => {
        buffer.set(first);
        const alreadyFilled = first.byteLength;
        first = noBytes;
        const untilMs = performance.now() + maxFillMs;
        const onChunk = () => {
          if (gate.waiting > 0 && performance.now() > untilMs) throw tooSlow();
        };
        const size = await fill(source, buffer, { watch, alreadyFilled, onChunk });
        const body = { bytes: buffer.subarray(0, size), size };
        if (number === 1 && source.hasEnded) return putWhole(upload, body, signal);
        parts ??= await upload.begin(signal);
        if (size > 0) await parts.part(number, body, signal);
      });
    try {
      for (let number = 1; number === 1 || !source.hasEnded; number++) {
        if (number > limits.maxParts) throw tooManyParts();
        await sendNext(number);
      }
      if (parts) await complete(upload, parts, signal);
    } catch (error) {
      await parts?.abort();
      throw error;
    }
  }

  async function withBuffer(watch: StallWatch, signal: AbortSignal, use: (buffer: Buffer) => Promise<void>) {
    watch.pause();
    await gate.run(async () => {
      const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      await use(buffer);
      // Not after a failure: a request that was given up may still be reading it.
      spare.push(buffer);
    }, signal);
  }

  return async (upload, bytes, { size, signal }, toFault) => {
    const source = openSource(bytes, { size, signal });
    const watch = createStallWatch(limits.stallMs);
    const either = AbortSignal.any([signal, watch.signal]);
    try {
      signal.throwIfAborted();
      await send({ upload, source, size, signal: either, watch });
    } catch (error) {
      const cause = watch.signal.aborted ? watch.signal.reason : toFault(error);
      // A request that was answered before its body had ended still waits for the rest.
      watch.giveUp(cause);
      throw source.failure ? source.failure.error : cause;
    } finally {
      watch.stop();
      source.close();
    }
  };
}

interface Sending {
  upload: ObjectUpload;
  source: ByteSource;
  size: number | undefined;
  signal: AbortSignal;
  watch: StallWatch;
}

/** What was lost may be the answer rather than the bytes; and there are servers that keep what they got of a body that broke off. */
async function putWhole(upload: ObjectUpload, body: PartBody, signal: AbortSignal): Promise<void> {
  try {
    await upload.put(body, signal);
  } catch (error) {
    await upload.remove();
    throw error;
  }
}

async function complete(upload: ObjectUpload, parts: PartedUpload, signal: AbortSignal): Promise<void> {
  try {
    await parts.complete(signal);
  } catch (error) {
    await upload.remove();
    throw error;
  }
}

async function inParts(
  upload: ObjectUpload,
  signal: AbortSignal,
  send: (parts: PartedUpload) => Promise<void>,
) {
  const parts = await upload.begin(signal);
  try {
    await send(parts);
    await complete(upload, parts, signal);
  } catch (error) {
    await parts.abort();
    throw error;
  }
}

function tooSlow() {
  const detail =
    "bytes of unannounced length come too slowly while others wait: announce it (Content-Length)";
  return fault("overloaded", { detail });
}

function tooManyParts() {
  return fault("too-large", { detail: "so many bytes can be stored only when their number is announced" });
}
