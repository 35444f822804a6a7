import type { Database, Queryable, Statement } from "#platform/database.ts";

export interface SigningKeyRow {
  kid: string;
  x: string;
  sealedPrivateKey: Buffer;
  signsFrom: Date;
  createdAt: Date;
}

export interface RetiredKey {
  kid: string;
  /** No token is signed with it after this. */
  signedUntil: Date;
}

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>;

/** Any fixed number will do; it must only be the same in all pods. */
const lockId = 7_270_901_343;

const statements = {
  lock: { name: "identity.signing-keys.lock", text: "SELECT pg_advisory_xact_lock($1)" },
  list: {
    name: "identity.signing-keys.list",
    text: `SELECT kid, x, sealed_private_key AS "sealedPrivateKey", signs_from AS "signsFrom", created_at AS "createdAt"
           FROM identity.signing_keys ORDER BY ordinal`,
  },
  add: {
    name: "identity.signing-keys.add",
    text: `INSERT INTO identity.signing_keys (kid, x, sealed_private_key, signs_from, created_at)
           VALUES ($1, $2, $3, $4, $5)`,
  },
  remove: {
    name: "identity.signing-keys.remove",
    text: `DELETE FROM identity.signing_keys k
           USING unnest($1::text[], $2::timestamptz[]) AS retired (kid, signed_until)
           WHERE k.kid = retired.kid AND NOT EXISTS (
             SELECT FROM identity.sessions s
             WHERE s.first_token_until > $3 AND s.created_at < retired.signed_until)`,
  },
} satisfies Record<string, Statement>;

export function createSigningKeyStore(database: Database) {
  const list = (queryable: Queryable) => queryable.query<SigningKeyRow>(statements.list);
  return {
    /** All keys, in the order in which they were made. */
    list: () => list(database),

    /** Adds the key that `next` makes of the present ones, if it makes any. Only one pod at a time decides. */
    addIfDue(next: (present: SigningKeyRow[]) => SigningKeyRow | undefined): Promise<void> {
      return database.transaction(async (tx) => {
        await tx.query(statements.lock, [lockId]);
        const key = next(await list(tx));
        if (!key) return;
        await tx.query(statements.add, [key.kid, key.x, key.sealedPrivateKey, key.signsFrom, key.createdAt]);
      });
    },

    /** But for those with which a token may have been signed that was made to last until later than `tokenUntil`. */
    async remove(keys: RetiredKey[], tokenUntil: Date): Promise<void> {
      const values = [keys.map(({ kid }) => kid), keys.map(({ signedUntil }) => signedUntil), tokenUntil];
      await database.query(statements.remove, values);
    },
  };
}
