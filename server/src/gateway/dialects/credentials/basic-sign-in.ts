/**
 * HTTP Basic: each request carries the password, which is checked once, by signing in, and then known by the access token that
 * came of it, until that expires or its session has ended. Passwords themselves are not kept, and wrong ones in no form.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { CallContext, Caller } from "#gateway/call.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type { SignInToDialect } from "#gateway/dialects/credentials/sign-in.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import type { Clock } from "#platform/clock.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLruCache } from "#platform/lru-cache.ts";

export interface BasicSignIn {
  /** Rejects with "bad-credentials", or "unauthenticated" when it cannot be read. */
  resolve(encoded: string, context: CallContext): Promise<Caller>;
  /** The access token that stands for them, with some of its life still before it. */
  tokenOf(encoded: string, context: CallContext): Promise<string>;
}

export interface BasicSignInOptions {
  signIn: SignInToDialect;
  authenticator: Pick<Authenticator, "authenticateToken">;
  throttle: Pick<Throttle, "admitClass">;
  turns: CallTurns;
  timeoutMs: number;
  clock: Clock;
}

interface SignedIn {
  readonly token: string;
  readonly caller: Caller;
}

/** Of the session as well: of those who come by once, nothing stays behind. */
const sessionSeconds = 3_600;
/** A token that is handed out can be used for so long at least. */
const handOutMs = 600_000;
const maxKnown = 10_000;
const noHeaders = { headersSent: true, setHeader: () => {} };

export function createBasicSignIn(options: BasicSignInOptions): BasicSignIn {
  const { signIn, authenticator, throttle, turns, timeoutMs, clock } = options;
  // What is kept is found by an HMAC, so that no password lies in memory for as long.
  const secret = randomBytes(32);
  const known = createLruCache<string, SignedIn>(maxKnown);
  const underWay = new Map<string, Promise<SignedIn>>();

  /** It is a sign-in like any other, and costs as much. */
  async function signInOnce(key: string, encoded: string, context: CallContext): Promise<SignedIn> {
    const { login, password } = readBasic(encoded);
    const { clientAddress } = context;
    await throttle.admitClass("sign-in", { caller: undefined, clientAddress }, noHeaders);
    // Others may wait for it when this client has gone.
    const lasting = { ...context, signal: undefined };
    const request = { login, password, accessTokenSeconds: sessionSeconds, sessionSeconds };
    const turn = { timeoutMs, signal: undefined };
    const { accessToken: token } = await turns.run(clientAddress, turn, () =>
      signIn(request, lasting).catch(refuse),
    );
    const signedIn = { token, caller: await authenticator.authenticateToken(token) };
    known.set(key, signedIn);
    return signedIn;
  }

  function join(key: string, encoded: string, context: CallContext): Promise<SignedIn> {
    const present = underWay.get(key);
    if (present) return present;
    const check = signInOnce(key, encoded, context).finally(() => underWay.delete(key));
    underWay.set(key, check);
    return check;
  }

  async function stillSignedIn(key: string, lastingMs: number): Promise<SignedIn | undefined> {
    const held = known.get(key);
    if (!held) return undefined;
    try {
      await authenticator.authenticateToken(held.token);
      return held.caller.tokenExpiresAt - clock.now() >= lastingMs ? held : undefined;
    } catch (error) {
      // It has expired, or its session has ended.
      if (toPublicError(error).status !== 401) throw error;
      known.delete(key);
      return undefined;
    }
  }

  async function resolve(encoded: string, context: CallContext, lastingMs: number): Promise<SignedIn> {
    const key = createHmac("sha256", secret).update(encoded).digest("base64");
    return (await stillSignedIn(key, lastingMs)) ?? join(key, encoded, context);
  }

  return {
    resolve: async (encoded, context) => (await resolve(encoded, context, 0)).caller,
    tokenOf: async (encoded, context) => (await resolve(encoded, context, handOutMs)).token,
  };
}

/** What can be nobody's password is not right. */
function refuse(error: unknown): never {
  throw toPublicError(error).code === "invalid-input" ? fault("bad-credentials") : error;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readBasic(encoded: string): { login: string; password: string } {
  const text = decode(Buffer.from(encoded, "base64"));
  const colon = text.indexOf(":");
  if (colon < 1) throw fault("unauthenticated", { detail: "Authorization must be: Basic <login:password>" });
  return { login: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Old clients write what is not ASCII as Latin-1 (RFC 7617, section 2, leaves it open). */
function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
