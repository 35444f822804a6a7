/** Attachments as a message's row keeps them, and as they leave the service. */
import type { Attachment } from "@parley/api/v2/event";

export interface AttachmentRow {
  /** Of one attempt to send the message: a repetition has others. */
  id: string;
  /** Never told to clients. */
  objectId: string;
  /** As in Blob.etag. */
  etag: string;
  name: string;
  contentType: string;
  size: number;
  /** In pixels; 0: no picture, or not looked at yet. */
  width: number;
  height: number;
  thumbnail?: ThumbnailRow;
  /** It is yet to be looked at. */
  isPending: boolean;
}

export interface ThumbnailRow {
  objectId: string;
  etag: string;
  contentType: string;
  size: number;
}

export const toAttachment = (row: AttachmentRow): Attachment => ({
  $typeName: "parley.v2.Attachment",
  id: row.id,
  name: row.name,
  contentType: row.contentType,
  size: row.size,
  width: row.width,
  height: row.height,
  hasThumbnail: row.thumbnail !== undefined,
  pending: row.isPending,
});

/** Whether it is worth a look. What it is, its bytes decide; an SVG is a program, and no picture here. */
export const mayBePicture = (contentType: string): boolean =>
  contentType.startsWith("image/") && !contentType.startsWith("image/svg");
