/** What the messenger does about attachments besides keeping them in its rows: blobs holds their bytes. */

import type { GivenAttachment } from "#messenger/attachments/attachment-input.ts";
import type { AttachmentRow } from "#messenger/attachments/attachment-row.ts";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import type { Queryable } from "#platform/database.ts";

export interface Attachments {
  /** Of a send that was found well-formed: lets blobs hold on to them, then stores the message. Never rejects. */
  send(send: ValidSend, given: readonly GivenAttachment[]): Promise<SendResult>;
  /** In the transaction that stores the messages: asks for a look at what may be pictures. */
  queue(tx: Queryable, sends: readonly ValidSend[]): Promise<void>;
  /** In the transaction that deletes their message. */
  release(tx: Queryable, attachments: readonly AttachmentRow[]): Promise<void>;
  /** What asked for work was committed. */
  wake(): void;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** Where there are no blobs: no message gets any. */
export const noAttachments: Attachments = {
  send: async () => ({ errorCode: "blob-store-unavailable" }),
  async queue() {},
  async release() {},
  wake() {},
  async start() {},
  async stop() {},
};
