import type { Database, Statement } from "#platform/database.ts";

export interface UserRow {
  id: string;
  name: string;
  email: string | null;
  emailKey: string | null;
  roles: string[];
  createdAt: Date;
}

export interface NewUser {
  id: string;
  name: string;
  nameFolded: string;
  nameGrams: string[];
  createdAt: Date;
}

export type UserStore = ReturnType<typeof createUserStore>;

/** Columns of a UserRow, of the table under the alias u. */
export const userColumns = `u.id, u.name, u.email, u.email_key AS "emailKey", u.roles, u.created_at AS "createdAt"`;

/** Values of a new user's first columns: id, name, name_folded, name_grams, created_at. */
export const userValues = (user: NewUser) => [
  user.id,
  user.name,
  user.nameFolded,
  user.nameGrams,
  user.createdAt,
];

/** Names that contain a query are put in order among this many at the most; those that begin with it, always. */
const maxCandidates = 1_000;
/** Sorts after every name that begins with a prefix, when it is put behind that prefix. */
const lastCharacter = "\u{10FFFF}";

const statements = {
  // When the address is taken, the row is written again as it is: then that costs a commit to disk as well, and
  // the time of the answer does not tell whether the address has an account.
  add: {
    name: "identity.users.add",
    text: `INSERT INTO identity.users AS u
             (id, name, name_folded, name_grams, created_at, email, email_key, password_hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (email_key) DO UPDATE SET created_at = u.created_at`,
  },
  replacePasswordHash: {
    name: "identity.users.replace-password-hash",
    text: "UPDATE identity.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
  },
  byEmail: {
    name: "identity.users.by-email",
    text: `SELECT ${userColumns} FROM identity.users u WHERE u.email_key = $1`,
  },
  byIds: {
    name: "identity.users.by-ids",
    text: `SELECT ${userColumns} FROM identity.users u WHERE u.id = ANY($1::uuid[])`,
  },
  byNameStart: {
    name: "identity.users.by-name-start",
    text: `SELECT ${userColumns} FROM identity.users u WHERE u.name_folded >= $1 AND u.name_folded < $2
           ORDER BY u.name_folded, u.id LIMIT $3`,
  },
  byNamePart: {
    name: "identity.users.by-name-part",
    text: `SELECT ${userColumns}
           FROM (SELECT * FROM identity.users
                 WHERE name_grams @> $1 AND strpos(name_folded, $2) > 1 LIMIT ${maxCandidates}) u
           ORDER BY u.name_folded, u.id LIMIT $3`,
  },
  rename: {
    name: "identity.users.rename",
    text: `UPDATE identity.users u SET name = $2, name_folded = $3, name_grams = $4 WHERE u.id = $1
           RETURNING ${userColumns}`,
  },
  missing: {
    name: "identity.users.missing",
    text: `SELECT id FROM unnest($1::uuid[]) AS asked (id)
           WHERE NOT EXISTS (SELECT FROM identity.users u WHERE u.id = asked.id)`,
  },
  external: {
    name: "identity.users.external",
    text: `SELECT user_id AS "userId" FROM identity.external_identities WHERE issuer = $1 AND subject = $2`,
  },
  addExternal: {
    name: "identity.users.add-external",
    text: `WITH linked AS (
             INSERT INTO identity.external_identities (issuer, subject, user_id) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING RETURNING user_id)
           INSERT INTO identity.users (id, name, name_folded, name_grams, created_at)
           SELECT user_id, $4, $5, $6, $7 FROM linked RETURNING id AS "userId"`,
  },
} satisfies Record<string, Statement>;

export function createUserStore(database: Database) {
  const one = async (statement: Statement, values: unknown[]) =>
    (await database.query<UserRow>(statement, values))[0];
  return {
    /** Changes nothing when the address is taken, and does not tell. */
    async add(user: NewUser, login: { email: string; emailKey: string; passwordHash: string }) {
      const values = [...userValues(user), login.email, login.emailKey, login.passwordHash];
      await database.query(statements.add, values);
    },

    /** Does nothing when the hash is no longer the former one. */
    async replacePasswordHash(userId: string, former: string, latter: string) {
      await database.query(statements.replacePasswordHash, [userId, former, latter]);
    },

    byEmail: (emailKey: string) => one(statements.byEmail, [emailKey]),

    /** In any order; ids of nobody are left out. */
    byIds: (ids: string[]) => database.query<UserRow>(statements.byIds, [ids]),

    /** Users whose name contains the folded text; those whose name begins with it come first. */
    async byName(folded: string, grams: string[], limit: number): Promise<UserRow[]> {
      const range = [folded, folded + lastCharacter, limit];
      const starting = await database.query<UserRow>(statements.byNameStart, range);
      if (starting.length === limit) return starting;
      const rest = [grams, folded, limit - starting.length];
      return [...starting, ...(await database.query<UserRow>(statements.byNamePart, rest))];
    },

    rename: (userId: string, to: Pick<NewUser, "name" | "nameFolded" | "nameGrams">) =>
      one(statements.rename, [userId, to.name, to.nameFolded, to.nameGrams]),

    async missing(ids: string[]): Promise<string[]> {
      return (await database.query<{ id: string }>(statements.missing, [ids])).map((row) => row.id);
    },

    /** The user of an outside issuer's subject; made of `user` when there is none yet. */
    async external(issuer: string, subject: string, user: () => NewUser): Promise<string> {
      const find = async () =>
        (await database.query<{ userId: string }>(statements.external, [issuer, subject]))[0];
      const found = await find();
      if (found) return found.userId;
      const { id, name, nameFolded, nameGrams, createdAt } = user();
      const values = [issuer, subject, id, name, nameFolded, nameGrams, createdAt];
      // Nothing comes back when another call has linked the subject in between; that one is committed by now.
      const [added] = await database.query<{ userId: string }>(statements.addExternal, values);
      return (added ?? (await find()))!.userId;
    },
  };
}
