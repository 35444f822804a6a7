/**
 * Uploads that go on where they broke off, by tus 1.0 (https://tus.io/protocols/resumable-upload): the server says how
 * many bytes it has for good, and the rest is sent. In parts, so that a proxy which keeps a request back until it is
 * complete, or a token that expires meanwhile, costs little.
 */
import { createBackoff } from "./backoff.ts";
import type { ByteCalls } from "./byte-calls.ts";
import { isTransient, ParleyError } from "./error.ts";
import { type Persistence, pauseFor } from "./persist.ts";
import { type Bytes, sizeOf, sliceOf } from "./send-bytes.ts";

export interface ResumableUpload {
  bytes: Bytes;
  key: string;
  contentType: string;
  metadata: Record<string, string>;
  onSent: (bytes: number) => void;
  signal: AbortSignal | undefined;
}

export interface ResumableParts {
  calls: ByteCalls;
  persistence: Persistence;
  partBytes: number;
}

const version = { "tus-resumable": "1.0.0" };
/** In a row, without a byte that got through between them. */
const maxFruitlessTries = 10;

/** Names that the server takes for its own in what goes with an upload. */
export const reservedNames = new Set(["key", "filetype", "contenttype"]);

/** Resolves when the blob is there. What was not finished is taken back, as far as that is possible. */
export async function uploadResumably(parts: ResumableParts, upload: ResumableUpload): Promise<void> {
  const { calls, persistence, partBytes } = parts;
  const { bytes, signal, onSent } = upload;
  const size = sizeOf(bytes);
  const backoff = createBackoff(persistence.backoff, persistence.random);
  let path: string | undefined;
  let offset = 0;
  let fruitless = 0;

  function reach(next: number): void {
    if (next > offset) {
      fruitless = 0;
      backoff.reset();
    }
    offset = next;
    onSent(next);
  }

  async function goOn(isRetry: boolean): Promise<void> {
    if (path === undefined) {
      path = await create(calls, upload);
      offset = 0;
    } else if (isRetry) reach(await askOffset(calls, path, signal));
    while (offset < size) {
      const part = sliceOf(bytes, offset, Math.min(offset + partBytes, size));
      reach(await append(calls, { path, offset, part, onSent: (sent) => onSent(offset + sent), signal }));
    }
  }

  for (let isRetry = false; ; isRetry = true) {
    try {
      return await goOn(isRetry);
    } catch (error) {
      if (isGone(error)) path = undefined;
      else if (!mayGoOn(error)) {
        if (path !== undefined) takeBack(calls, path);
        throw error;
      }
      if (++fruitless === maxFruitlessTries) throw error;
      await pauseFor(backoff.nextMs((error as ParleyError).retryAfterMs), persistence.closed, signal).catch(
        (reason) => {
          if (path !== undefined) takeBack(calls, path);
          throw reason;
        },
      );
    }
  }
}

async function create(calls: ByteCalls, upload: ResumableUpload): Promise<string> {
  const { key, contentType, metadata, bytes, signal } = upload;
  const pairs = Object.entries({ ...metadata, key, contentType });
  const response = await calls({
    method: "POST",
    path: "/v2/uploads",
    headers: {
      ...version,
      "upload-length": String(sizeOf(bytes)),
      "upload-metadata": pairs.map(([name, value]) => `${name} ${base64(value)}`).join(","),
    },
    signal,
  });
  const id = response.headers.get("location")?.split("/").at(-1);
  if (!id) throw new ParleyError("internal", { detail: "The server did not say where to send the bytes" });
  // Only the id is taken: behind a proxy the rest may be wrong, and the token goes to no other host.
  return `/v2/uploads/${id}`;
}

async function askOffset(calls: ByteCalls, path: string, signal: AbortSignal | undefined): Promise<number> {
  return offsetOf(await calls({ method: "HEAD", path, headers: version, signal }));
}

interface Part {
  path: string;
  offset: number;
  part: Bytes;
  onSent: (bytes: number) => void;
  signal: AbortSignal | undefined;
}

async function append(calls: ByteCalls, { path, offset, part, onSent, signal }: Part): Promise<number> {
  const headers = {
    ...version,
    "upload-offset": String(offset),
    "content-type": "application/offset+octet-stream",
  };
  const next = offsetOf(await calls({ method: "PATCH", path, headers, body: part, onSent, signal }));
  if (next <= offset)
    throw new ParleyError("network", { detail: "The server has kept nothing of what was sent" });
  return next;
}

function offsetOf(response: Response): number {
  const offset = Number(response.headers.get("upload-offset") ?? Number.NaN);
  if (!Number.isSafeInteger(offset))
    throw new ParleyError("internal", { detail: "The server did not say how far it has come" });
  return offset;
}

function takeBack(calls: ByteCalls, path: string): void {
  calls({ method: "DELETE", path, headers: version }).catch(() => {
    // It expires by itself.
  });
}

function isGone(error: unknown): boolean {
  return error instanceof ParleyError && (error.status === 404 || error.status === 410);
}

/** 409: it stands elsewhere than was thought; 423: an attempt that broke off is still being dealt with. */
function mayGoOn(error: unknown): boolean {
  return (
    isTransient(error) || (error instanceof ParleyError && (error.status === 409 || error.status === 423))
  );
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
