/** Pods of dispatch that share a database, and the requests that they leave there. */
import { createHash, randomUUID } from "node:crypto";
import { afterEach } from "node:test";
import { migrationsFolder } from "#dispatch/service.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";
import { type DispatchPod, startDispatchPod } from "#test/dispatch-pod.ts";
import { testCatalogue, testProvider } from "#test/fake-dispatch-parts.ts";

export const free = testProvider("free");
export const paid = testProvider("paid", { priceMicros: 2_000 });
export const repeatable = testProvider("repeatable", { idempotencyHeader: "idempotency-key" });

/** Enough to write the request down on a machine that is held up for a while, and then it is over. */
export const shortMs = 3_000;

export async function codeOf(call: Promise<unknown>): Promise<ErrorCode> {
  try {
    await call;
  } catch (error) {
    return toPublicError(error).code;
  }
  throw new Error("it did not fail");
}

type PodOptions = Partial<Parameters<typeof startDispatchPod>[0]>;

interface LeftRow {
  userId: string;
  status: string;
  provider: string;
  key?: string;
  background?: boolean;
  /** That of a process which no longer lives, unless given. */
  owner?: string | null;
  ageHours?: number;
}

/** To be called at the top level of a test file. */
export async function startRequestPods() {
  const { database } = await createTestDatabase();
  await migrate(database, "dispatch", migrationsFolder, createLog("silent"));
  const pods: DispatchPod[] = [];

  // What is in the background is anybody's who shares the database.
  afterEach(async () => {
    await Promise.all(pods.splice(0).map((pod) => pod.service.stop()));
    await database.query({ name: "forget", text: "DELETE FROM dispatch.requests" });
  });

  return {
    database,
    async startPod(options: PodOptions = {}): Promise<DispatchPod> {
      const pod = await startDispatchPod({ database, catalogue: testCatalogue([free, paid]), ...options });
      pods.push(pod);
      return pod;
    },
    rowsOf: (userId: string) =>
      database.query<{
        id: string;
        status: string;
        text: string | null;
        owner: string | null;
        isPutOff: boolean;
      }>(
        {
          name: "rows-of",
          text: `SELECT id, status, text, owner,
                   owner IS NULL AND due_at > created_at + interval '1 second' AS "isPutOff"
                 FROM dispatch.requests WHERE user_id = $1`,
        },
        [userId],
      ),
    /** A request that nobody is at. */
    async leave(row: LeftRow): Promise<string> {
      const { userId, status, provider, key, background = true, owner = randomUUID(), ageHours = 0 } = row;
      const id = randomUUID();
      const hash = createHash("sha256").update("default\0left").digest();
      await database.query(
        {
          name: "leave",
          text: `INSERT INTO dispatch.requests (id, user_id, key, processor, content_hash, text, may_use_paid,
                   in_background, owner, status, due_at, provider, created_at)
                 VALUES ($1, $2, $3, 'default', $4, 'left', true, $5, $6, $7, now(), $8, now() - $9 * interval '1 hour')`,
        },
        [id, userId, key ? `k${key}` : null, hash, background, owner, status, provider, ageHours],
      );
      return id;
    },
  };
}
