/**
 * Uploads files while a message is being written, and sends the message once they are there. They live as long as the
 * page: only then does the message enter the outbox, which outlives it.
 */
import { isTransient, type ParleyClient, ParleyError, type SentFile } from "@parley/client";
import type { AppState } from "./app-state.ts";
import { describeError } from "./describe-error.ts";
import {
  changeFile,
  draftOf,
  isReady,
  maxFiles,
  type Outgoing,
  type OutgoingFile,
  removeFile,
} from "./outgoing-state.ts";
import type { Store } from "./store.ts";

export interface FileSending {
  add(chatId: string, files: Iterable<File>): void;
  remove(fileId: string): void;
  retry(fileId: string): void;
  /** Sends the chat's files with this text, when they are uploaded. Returns false when there are none. */
  submit(chatId: string, text: string, replyTo?: string): boolean;
}

interface Upload {
  file: File;
  ending: AbortController;
  sent?: SentFile;
  /** It has failed for what may be over when the connection is back. */
  isInterrupted?: boolean;
}

const shownTypes = /^image\/(png|jpeg|gif|webp|avif)$/;

export function createFileSending(parley: ParleyClient, store: Store<AppState>): FileSending {
  const uploads = new Map<string, Upload>();
  let ids = 0;

  const change = (how: (outgoing: readonly Outgoing[]) => readonly Outgoing[]) =>
    store.update((state) => ({ ...state, outgoing: how(state.outgoing) }));

  async function upload(fileId: string): Promise<void> {
    const { file, ending } = uploads.get(fileId)!;
    const { signal } = ending;
    const set = (changes: Partial<OutgoingFile>) => {
      if (!signal.aborted) change((outgoing) => changeFile(outgoing, fileId, changes));
    };
    uploads.get(fileId)!.isInterrupted = false;
    set({ status: "uploading", sent: 0, problem: undefined });
    try {
      const sent = await parley.uploadFile(file, {
        signal,
        onProgress: (progress) => set({ sent: progress.sent }),
      });
      if (signal.aborted) return giveUp(sent);
      uploads.get(fileId)!.sent = sent;
      set({ status: "uploaded", sent: file.size });
      sendReady();
    } catch (error) {
      if (!signal.aborted) uploads.get(fileId)!.isInterrupted = isTransient(error);
      const canRetry = !(error instanceof ParleyError && error.code === "too-large");
      set({ status: "failed", problem: describeError(error), canRetry });
    }
  }

  function giveUp({ key }: SentFile): void {
    parley.blobs.delete(key).catch(() => {
      // It stays among the user's blobs.
    });
  }

  function forget(fileId: string): Upload | undefined {
    const upload = uploads.get(fileId);
    uploads.delete(fileId);
    upload?.ending.abort();
    return upload;
  }

  function sendReady(): void {
    for (const one of store.get().outgoing.filter(isReady)) {
      const attachments = one.files.flatMap(({ id }) => uploads.get(id)?.sent ?? []);
      const { text, replyTo } = one.submitted!;
      change((outgoing) => outgoing.filter(({ id }) => id !== one.id));
      for (const { id, previewUrl } of one.files) {
        uploads.delete(id);
        if (previewUrl) URL.revokeObjectURL(previewUrl);
      }
      // What becomes of it is told by the outbox.
      parley.sendMessage(one.chatId, text, { attachments, replyTo }).catch(() => {});
    }
  }

  parley.on("state", (state) => {
    // As texts do, that wait in the outbox.
    if (state === "online") for (const [id, { isInterrupted }] of uploads) if (isInterrupted) void upload(id);
    if (state === "signed-out") for (const id of [...uploads.keys()]) forget(id);
  });

  return {
    add(chatId, files) {
      const draft = draftOf(store.get().outgoing, chatId);
      const room = maxFiles - (draft?.files.length ?? 0);
      const given = [...files];
      const added = given.slice(0, room).map((file): OutgoingFile => {
        const id = `file-${++ids}`;
        uploads.set(id, { file, ending: new AbortController() });
        const previewUrl = shownTypes.test(file.type) ? URL.createObjectURL(file) : undefined;
        const { name, size } = file;
        const problem = undefined;
        return { id, name, size, previewUrl, status: "uploading", sent: 0, problem, canRetry: true };
      });
      const next = draft ?? { id: `outgoing-${++ids}`, chatId, files: [], submitted: undefined };
      if (added.length > 0) {
        change((outgoing) => [
          ...outgoing.filter(({ id }) => id !== next.id),
          { ...next, files: [...next.files, ...added] },
        ]);
      }
      if (given.length > room) {
        const notice = `At most ${maxFiles} files go with one message.`;
        store.update((state) => ({ ...state, notice }));
      }
      for (const { id } of added) void upload(id);
    },
    remove(fileId) {
      const upload = forget(fileId);
      if (upload?.sent) giveUp(upload.sent);
      const file = store
        .get()
        .outgoing.flatMap(({ files }) => files)
        .find(({ id }) => id === fileId);
      if (file?.previewUrl) URL.revokeObjectURL(file.previewUrl);
      change((outgoing) => removeFile(outgoing, fileId));
      sendReady();
    },
    retry(fileId) {
      if (uploads.has(fileId)) void upload(fileId);
    },
    submit(chatId, text, replyTo = "") {
      const draft = draftOf(store.get().outgoing, chatId);
      if (!draft) return false;
      const submitted = { text, replyTo };
      change((outgoing) => outgoing.map((one) => (one.id === draft.id ? { ...one, submitted } : one)));
      sendReady();
      return true;
    },
  };
}
