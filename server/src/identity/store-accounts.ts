import { type NewUser, type UserRow, userColumns, userValues } from "#identity/store-users.ts";
import { type Database, type Queryable, type Statement, sqlState } from "#platform/database.ts";

/** A user with what the old APIs know of them. */
export interface AccountRow extends UserRow {
  loginName: string | null;
  surname: string;
  profile: Record<string, string>;
}

export interface NewAccount extends NewUser {
  loginName: string | null;
  loginKey: string | null;
  email: string | null;
  emailKey: string | null;
  passwordHash: string;
  surname: string;
  surnameFolded: string;
  profile: Record<string, string>;
}

/** Null: no password. */
export type Credentials = AccountRow & { passwordHash: string | null; passwordVersion: number };

/** What is given is changed. */
export type AccountChanges = Partial<Pick<NewAccount, "email" | "emailKey" | "passwordHash">>;

export type AccountStore = ReturnType<typeof createAccountStore>;

const accountColumns = `${userColumns}, u.login_name AS "loginName", u.surname, u.profile`;
const credentialColumns = `${accountColumns}, u.password_hash AS "passwordHash", u.password_version AS "passwordVersion"`;

/** Sorts after every name that begins with a prefix, when it is put behind that prefix. */
const lastCharacter = "\u{10FFFF}";

const statements = {
  // Either key may be taken: nothing is added then, and whoever adds the same at this moment is waited for.
  add: {
    name: "identity.accounts.add",
    text: `INSERT INTO identity.users AS u
             (id, name, name_folded, name_grams, created_at, login_name, login_key, email, email_key,
              password_hash, surname, surname_folded, profile)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT DO NOTHING RETURNING ${accountColumns}`,
  },
  isTaken: {
    name: "identity.accounts.is-taken",
    text: `SELECT EXISTS (SELECT FROM identity.users u WHERE u.email_key = $1)
               OR EXISTS (SELECT FROM identity.users u WHERE u.login_key = $2) AS "isTaken"`,
  },
  credentialsByEmail: {
    name: "identity.accounts.credentials-by-email",
    text: `SELECT ${credentialColumns} FROM identity.users u WHERE u.email_key = $1`,
  },
  credentialsByLogin: {
    name: "identity.accounts.credentials-by-login",
    text: `SELECT ${credentialColumns} FROM identity.users u WHERE u.login_key = $1`,
  },
  list: {
    name: "identity.accounts.list",
    text: `SELECT ${accountColumns} FROM identity.users u
           WHERE u.id = ANY($1::uuid[])`,
  },
  byName: {
    name: "identity.accounts.by-name",
    text: `SELECT ${accountColumns} FROM identity.users u WHERE u.name_folded >= $1 AND u.name_folded < $2
           ORDER BY u.name_folded, u.id LIMIT $3`,
  },
  bySurname: {
    name: "identity.accounts.by-surname",
    text: `SELECT ${accountColumns} FROM identity.users u
           WHERE u.surname_folded <> '' AND u.surname_folded >= $1 AND u.surname_folded < $2
             AND u.name_folded >= $3 AND u.name_folded < $4
           ORDER BY u.surname_folded, u.name_folded, u.id LIMIT $5`,
  },
  change: {
    name: "identity.accounts.change",
    text: `UPDATE identity.users u
           SET email = COALESCE($2, u.email), email_key = COALESCE($3, u.email_key),
               password_hash = COALESCE($4, u.password_hash),
               password_version = u.password_version + ($4::text IS NOT NULL)::integer
           WHERE u.id = $1 RETURNING ${accountColumns}`,
  },
} satisfies Record<string, Statement>;

const uniqueViolation = "23505";

export function createAccountStore(database: Database) {
  const one = async <Row extends AccountRow>(statement: Statement, values: unknown[]) =>
    (await database.query<Row>(statement, values))[0];
  return {
    /** Undefined, and nothing is changed, when its login name or its address is taken. */
    add(account: NewAccount): Promise<AccountRow | undefined> {
      const { loginName, loginKey, email, emailKey, passwordHash, surname, surnameFolded } = account;
      const login = [loginName, loginKey, email, emailKey, passwordHash];
      const values = [...userValues(account), ...login, surname, surnameFolded, account.profile];
      return one(statements.add, values);
    },

    async isTaken(keys: Pick<NewAccount, "emailKey" | "loginKey">): Promise<boolean> {
      const values = [keys.emailKey, keys.loginKey];
      return (await database.query<{ isTaken: boolean }>(statements.isTaken, values))[0]!.isTaken;
    },

    credentialsByEmail: (emailKey: string) => one<Credentials>(statements.credentialsByEmail, [emailKey]),
    credentialsByLogin: (loginKey: string) => one<Credentials>(statements.credentialsByLogin, [loginKey]),

    /** In any order. */
    list: (ids: string[]) => database.query<AccountRow>(statements.list, [ids]),

    /** Both folded. In the order of the index that finds them, so that no more are read than wanted. */
    find(namePrefix: string, surnamePrefix: string, limit: number): Promise<AccountRow[]> {
      const name = [namePrefix, namePrefix + lastCharacter];
      if (!surnamePrefix) return database.query<AccountRow>(statements.byName, [...name, limit]);
      const surname = [surnamePrefix, surnamePrefix + lastCharacter];
      return database.query<AccountRow>(statements.bySurname, [...surname, ...name, limit]);
    },

    /** Undefined when there is no such user; "taken" when the address is another one's. */
    async change(tx: Queryable, userId: string, to: AccountChanges) {
      try {
        const values = [userId, to.email, to.emailKey, to.passwordHash];
        return (await tx.query<AccountRow>(statements.change, values))[0];
      } catch (error) {
        if (sqlState(error) === uniqueViolation) return "taken";
        throw error;
      }
    },
  };
}
