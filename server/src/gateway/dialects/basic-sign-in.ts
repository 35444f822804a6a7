/** HTTP Basic: each request carries the password, which is checked once and then known by an access token. */
import type { CallContext, Caller } from "#gateway/call.ts";
import type { SignInToDialect } from "#gateway/dialects/sign-in.ts";
import { fault } from "#platform/errors.ts";

export interface BasicSignIn {
  /** Rejects with "bad-credentials", or "unauthenticated" when it cannot be read. */
  resolve(encoded: string, context: CallContext): Promise<Caller>;
  /** The access token that stands for them. */
  tokenOf(encoded: string, context: CallContext): Promise<string>;
}

export interface BasicSignInOptions {
  signIn: SignInToDialect;
  authenticateToken: (token: string) => Promise<Caller>;
}

export function createBasicSignIn({ signIn, authenticateToken }: BasicSignInOptions): BasicSignIn {
  async function tokenOf(encoded: string, context: CallContext): Promise<string> {
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon < 1)
      throw fault("unauthenticated", { detail: "Authorization must be: Basic <login:password>" });
    const login = text.slice(0, colon);
    return (await signIn({ login, password: text.slice(colon + 1) }, context)).accessToken;
  }
  return {
    tokenOf,
    resolve: async (encoded, context) => authenticateToken(await tokenOf(encoded, context)),
  };
}
