/** Which objects are on the disk of which pod alone. */
import type { Queryable, Statement } from "#platform/database.ts";

const statements = {
  announce: {
    name: "blobs.spool.announce",
    text: `INSERT INTO blobs.spool_pods (pod_id, url, seen_at) VALUES ($1, $2, clock_timestamp())
           ON CONFLICT (pod_id) DO UPDATE SET url = excluded.url, seen_at = excluded.seen_at`,
  },
  forgetPods: {
    name: "blobs.spool.forget-pods",
    text: `DELETE FROM blobs.spool_pods p WHERE p.seen_at < clock_timestamp() - interval '7 days'
             AND (SELECT 1 FROM blobs.objects o WHERE o.spooled_by = p.pod_id LIMIT 1) IS NULL`,
  },
  urlOf: { name: "blobs.spool.url-of", text: "SELECT p.url FROM blobs.spool_pods p WHERE p.pod_id = $1" },
  waiting: {
    name: "blobs.spool.waiting",
    text: `SELECT o.id, o.size, o.sha256,
             (SELECT 1 FROM blobs.garbage g WHERE g.object_id = o.id) IS NOT NULL AS "isGarbage"
           FROM blobs.objects o WHERE o.spooled_by = $1 AND o.id <> ALL ($2::uuid[]) ORDER BY o.created_at LIMIT $3`,
  },
  clear: {
    name: "blobs.spool.clear",
    text: "UPDATE blobs.objects SET spooled_by = NULL WHERE id = $1 AND spooled_by = $2",
  },
  backlog: {
    name: "blobs.spool.backlog",
    text: `SELECT count(*) AS objects, coalesce(sum(o.size), 0)::float8 AS bytes,
             extract(epoch FROM clock_timestamp() - min(o.created_at))::float8 AS "oldestAgeS"
           FROM blobs.objects o WHERE o.spooled_by = $1`,
  },
  whereIs: {
    name: "blobs.spool.where-is",
    text: `SELECT o.id, o.spooled_by AS "spooledBy" FROM blobs.objects o WHERE o.id = ANY ($1::uuid[])`,
  },
} satisfies Record<string, Statement>;

export async function announcePod(db: Queryable, podId: string, url: string): Promise<void> {
  await db.query(statements.announce, [podId, url]);
}

/** Those that have been away for days and have nothing that anybody could miss. */
export async function forgetPods(db: Queryable): Promise<void> {
  await db.query(statements.forgetPods);
}

/** Undefined: it cannot be asked by others. */
export async function urlOfPod(db: Queryable, podId: string): Promise<string | undefined> {
  const [row] = await db.query<{ url: string }>(statements.urlOf, [podId]);
  return row?.url || undefined;
}

export interface WaitingObject {
  id: string;
  size: number;
  sha256: Buffer;
  /** Nothing refers to it any more. */
  isGarbage: boolean;
}

/** The oldest first. */
export function waitingObjects(
  db: Queryable,
  podId: string,
  { except, limit }: { except: readonly string[]; limit: number },
): Promise<WaitingObject[]> {
  return db.query<WaitingObject>(statements.waiting, [podId, except, limit]);
}

/** The bytes are in the store: from now on they are read there. */
export async function markStored(db: Queryable, id: string, podId: string): Promise<void> {
  await db.query(statements.clear, [id, podId]);
}

export interface Backlog {
  objects: number;
  bytes: number;
  /** Null: there is none. */
  oldestAgeS: number | null;
}

export async function readBacklog(db: Queryable, podId: string): Promise<Backlog> {
  const [row] = await db.query<Backlog & Record<string, unknown>>(statements.backlog, [podId]);
  return row!;
}

/** Of those that have a row, the pod that has their bytes; undefined: the store. */
export async function whereObjectsAre(
  db: Queryable,
  ids: readonly string[],
): Promise<Map<string, string | undefined>> {
  const rows = await db.query<{ id: string; spooledBy: string | null }>(statements.whereIs, [ids]);
  return new Map(rows.map(({ id, spooledBy }) => [id, spooledBy ?? undefined]));
}
