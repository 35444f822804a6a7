/** Who somebody says they are, checked: what SignIn and StartSession have in common. */
import { parseLogin } from "#identity/login-name.ts";
import type { IdentityParts } from "#identity/parts.ts";
import type { Credentials } from "#identity/store-accounts.ts";
import { fault } from "#platform/errors.ts";

/**
 * The account of that e-mail address or login name; "bad-credentials" unless it is its password. A refusal does the
 * same work, and answers the same, whether or not there is such an account.
 */
export async function checkCredentials(
  parts: IdentityParts,
  login: string,
  password: string,
  signal: AbortSignal,
): Promise<Credentials> {
  const account = await find(parts, login);
  const passwordHash = account?.passwordHash ?? undefined;
  const matches = await parts.passwords.verify(passwordHash, password, signal);
  if (!account || !passwordHash || !matches) throw fault("bad-credentials");

  await renewPasswordHash(parts, account.id, passwordHash, password, signal);
  return account;
}

/** What can be nobody's is looked up as well: that costs the same. */
function find({ store }: IdentityParts, text: string): Promise<Credentials | undefined> {
  const { email, loginName } = parseLogin(text);
  if (email) return store.accounts.credentialsByEmail(email.key);
  return store.accounts.credentialsByLogin(loginName?.key ?? "");
}

/** A hash of former parameters is replaced while the password is at hand; when that fails, the next time will do. */
async function renewPasswordHash(
  { store, passwords, log }: IdentityParts,
  userId: string,
  passwordHash: string,
  password: string,
  signal: AbortSignal,
) {
  if (!passwords.isOutdated(passwordHash)) return;
  try {
    const renewed = await passwords.hash(password, signal);
    await store.users.replacePasswordHash(userId, passwordHash, renewed);
  } catch (error) {
    log.warn({ err: error, userId }, "an outdated password hash was not renewed");
  }
}
