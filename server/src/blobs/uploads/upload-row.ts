/** A row of blobs.uploads. */
export interface UploadRow {
  id: string;
  ownerId: string;
  isDirect: boolean;
  key: Buffer;
  contentType: string;
  metadata: Record<string, string> | null;
  givenMetadata: string;
  /** Null as long as the client has not said it. */
  size: number | null;
  received: number;
  pieces: string[];
  pieceSizes: number[];
  appendFrom: number;
  hashState: Buffer | null;
  sha256: Buffer | null;
  objectId: string;
  /** Set when the blob is there. */
  doneAt: Date | null;
  expiresAt: Date;
}

export const uploadColumns = `u.id, u.owner_id AS "ownerId", u.is_direct AS "isDirect", u.key, u.content_type AS "contentType",
  u.metadata, u.given_metadata AS "givenMetadata", u.size, u.received, u.pieces::text[] AS pieces,
  u.piece_sizes::float8[] AS "pieceSizes", u.append_from AS "appendFrom", u.hash_state AS "hashState", u.sha256,
  u.object_id AS "objectId", u.done_at AS "doneAt", u.expires_at AS "expiresAt"`;
