/** Messages with files, until the files are uploaded. Pure. */

export interface OutgoingFile {
  readonly id: string;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** What to show of a picture: an object URL. */
  readonly previewUrl: string | undefined;
  readonly status: "uploading" | "uploaded" | "failed";
  /** In bytes. */
  readonly sent: number;
  /** Why it has failed. */
  readonly problem: string | undefined;
  /** Whether what has failed may succeed another time. */
  readonly canRetry: boolean;
}

export interface Outgoing {
  readonly id: string;
  readonly chatId: string;
  readonly files: readonly OutgoingFile[];
  /** What it is to be sent with, as soon as the files are there; undefined: it is still being written. */
  readonly submitted: { readonly text: string; readonly replyTo: string } | undefined;
}

/** As the contract says. */
export const maxFiles = 10;

/** The one that is being written in a chat. */
export function draftOf(outgoing: readonly Outgoing[], chatId: string): Outgoing | undefined {
  return outgoing.find((one) => one.chatId === chatId && !one.submitted);
}

export function changeFile(
  outgoing: readonly Outgoing[],
  fileId: string,
  changes: Partial<OutgoingFile>,
): readonly Outgoing[] {
  return outgoing.map((one) =>
    one.files.some(({ id }) => id === fileId)
      ? { ...one, files: one.files.map((file) => (file.id === fileId ? { ...file, ...changes } : file)) }
      : one,
  );
}

/** One without files that nobody has submitted with a text is nothing. */
export function removeFile(outgoing: readonly Outgoing[], fileId: string): readonly Outgoing[] {
  return outgoing
    .map((one) => ({ ...one, files: one.files.filter(({ id }) => id !== fileId) }))
    .filter(({ files, submitted }) => files.length > 0 || submitted?.text);
}

export function isReady({ files, submitted }: Outgoing): boolean {
  return submitted !== undefined && files.every(({ status }) => status === "uploaded");
}
