/**
 * Guessing one account's password from many addresses is slowed down, by counting the sign-ins that fail, for the name
 * that was tried, whether or not it has an account. An account's e-mail address and its login name are two names: if they
 * shared a limit, anybody could find out that they are one account's, and so that there is one. Its owner is not locked
 * out with the guessers: an address that has signed in to the account lately does not share their limit.
 */
import { createHash } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CallContext } from "#gateway/call.ts";
import { addressKey } from "#gateway/throttle/address-key.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import { createLruCache } from "#platform/lru-cache.ts";

type SignIn<Request, Answer> = (request: Request, context: CallContext) => Promise<Answer>;

const knownForMs = 30 * 24 * 3_600_000;
const maxKnown = 50_000;

/** The same sign-in, within the limit on failures. */
export function limitSignIn<Request, Answer>(
  { account, shared }: Throttle,
  loginOf: (request: Request) => string,
  signIn: SignIn<Request, Answer>,
): SignIn<Request, Answer> {
  if (!account) return signIn;
  // Where accounts have been signed in to, by account and address, until when.
  const known = createLruCache<string, true>(maxKnown);

  async function isKnown(pair: string): Promise<boolean> {
    return known.get(pair) ?? (await shared?.remembers(pair)) ?? false;
  }

  return async (request, context) => {
    const key = hash(accountKey(loginOf(request)));
    const pair = `known:${hash(`${key} ${addressKey(context.clientAddress)}`)}`;
    if (await isKnown(pair)) return signIn(request, context);
    // Taken first, so that many at once do not all find the last one.
    await account.admit(key);
    try {
      const answer = await signIn(request, context);
      account.limiter.giveBack(key);
      known.set(pair, true);
      void shared?.remember(pair, knownForMs);
      return answer;
    } catch (error) {
      // What says nothing about the password does not count.
      if (ConnectError.from(error).code !== Code.Unauthenticated) account.limiter.giveBack(key);
      throw error;
    }
  };
}

/** Two ways to write the address of one account must not have a limit each. */
const accountKey = (email: string) => email.trim().normalize("NFC").toLowerCase().normalize("NFC");

/** An email address is nobody's business in Redis. */
const hash = (text: string) => createHash("sha256").update(text).digest("base64url");
