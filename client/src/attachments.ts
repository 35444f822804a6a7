/** Files that go with messages: uploaded under a key of their own first, which is given up once a message holds them. */
import { delay } from "./backoff.ts";
import type { Blobs, GetOptions } from "./blob-calls.ts";
import type { PutOptions } from "./blob-puts.ts";
import { type Download, rangeHeader, toDownload } from "./blob-shapes.ts";
import type { ByteCalls } from "./byte-calls.ts";
import { ParleyError } from "./error.ts";
import type { OutboxEntry, SentFile } from "./outbox-store.ts";
import { type Persistence, persist } from "./persist.ts";
import { path } from "./rest.ts";
import type { Attachment, Message } from "./shapes.ts";

export interface AttachmentCalls {
  /** Uploads a file, to be sent with a message: sendMessage(chatId, text, { attachments: [await uploadFile(file)] }). */
  uploadFile(file: Blob, options?: UploadOptions): Promise<SentFile>;
  /**
   * Where its bytes are; with "thumbnail" those of the smaller version, where `hasThumbnail`. For the `src` and `href`
   * of pages that were signed in with `sessionCookie`; everyone else uses readAttachment.
   */
  attachmentUrl(message: Place, attachment: Pick<Attachment, "id">, version?: "thumbnail"): string;
  readAttachment(
    message: Place,
    attachment: Pick<Attachment, "id">,
    options?: GetOptions & { version?: "thumbnail" },
  ): Promise<Download & { contentType: string }>;
}

export type UploadOptions = Pick<PutOptions, "onProgress" | "signal"> & {
  /** What it is to be called. Default: the name of a File. */
  name?: string;
};

type Place = Pick<Message, "id" | "chatId">;

export interface AttachmentParts {
  blobs: Blobs;
  calls: ByteCalls;
  persistence: Persistence;
  url: string;
}

export interface Attachments {
  calls: AttachmentCalls;
  /** The message has been stored, or given up: nobody needs its temporary keys any more. */
  release(entry: Pick<OutboxEntry, "attachments">): void;
}

/** A browser has six connections to a server over HTTP/1.1, and other calls need some of them. */
const maxUploads = 3;
const maxNameLength = 255;

export function createAttachments({ blobs, calls, persistence, url }: AttachmentParts): Attachments {
  const turns = createTurns(maxUploads);
  // By then the server has ended what it was still doing when it was left.
  const lateMs = persistence.maxWaitMs / 3;

  const pathOf = ({ chatId, id }: Place, attachment: Pick<Attachment, "id">, version?: "thumbnail") =>
    path`/v2/chats/${chatId}/messages/${id}/attachments/${attachment.id}` + (version ? `/${version}` : "");

  async function deleteAfter(key: string, ms: number): Promise<void> {
    await delay(ms, persistence.closed);
    await blobs.delete(key);
  }

  /** What stays is the user's own blob, to be seen in the list. */
  function giveUp(key: string, whenMs: readonly number[] = [0]): void {
    for (const ms of whenMs) deleteAfter(key, ms).catch(() => {});
  }

  return {
    calls: {
      async uploadFile(file, { name, onProgress, signal } = {}) {
        const key = `attachments/${randomId()}`;
        await turns.take(signal);
        try {
          await blobs.put(key, file, {
            ...(onProgress ? { onProgress } : {}),
            ...(signal ? { signal } : {}),
          });
        } catch (error) {
          // Broken off, it may have been stored all the same, or be about to be.
          if (!isRefusal(error)) giveUp(key, [0, lateMs]);
          throw error;
        } finally {
          turns.give();
        }
        return { key, name: shortened(name ?? (file instanceof File ? file.name : "")), isTemporary: true };
      },
      attachmentUrl: (message, attachment, version) => url + pathOf(message, attachment, version),
      async readAttachment(message, attachment, { range, signal, version } = {}) {
        const headers = range ? { range: rangeHeader(range) } : {};
        const call = { method: "GET", path: pathOf(message, attachment, version), headers, signal } as const;
        const response = await persist(persistence, () => calls(call), { signal });
        return { contentType: response.headers.get("content-type") ?? "", ...toDownload(response) };
      },
    },
    release({ attachments }) {
      for (const { key, isTemporary } of attachments) {
        if (isTemporary) giveUp(key);
      }
    },
  };
}

/** The server has answered, and so has stored nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof ParleyError && error.status !== 0;
}

/** The end of a name says what it is. */
export function shortened(name: string): string {
  const characters = Array.from(name);
  if (characters.length <= maxNameLength) return name;
  const end = characters.slice(-20).join("");
  return `${characters.slice(0, maxNameLength - 21).join("")}…${end}`;
}

/** randomUUID does not exist in pages that came without TLS. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Lets so many go at a time, in the order in which they came. */
function createTurns(max: number) {
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    take(signal: AbortSignal | undefined): Promise<void> {
      signal?.throwIfAborted();
      if (taken < max) {
        taken++;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          waiting.splice(waiting.indexOf(go), 1);
          reject(signal?.reason);
        };
        const go = () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        };
        waiting.push(go);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    give(): void {
      const next = waiting.shift();
      if (next) next();
      else taken--;
    },
  };
}
