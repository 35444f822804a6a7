/** The forms in which old clients show who they are. Behind all of them are identity's own sessions and tokens. */
import type { FastifyRequest } from "fastify";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import { readCookie } from "#gateway/auth/cookies.ts";
import { refuseForeignPage } from "#gateway/auth/same-origin.ts";
import type { CallContext, Caller } from "#gateway/call.ts";
import type { BasicSignIn } from "#gateway/dialects/credentials/basic-sign-in.ts";
import type { SessionKeys } from "#gateway/dialects/credentials/session-keys.ts";
import { queryOf } from "#gateway/dialects/query.ts";

export const octoCookie = "octo_handler_user";

export interface Credentials {
  /** An access token. */
  ofToken(token: string): Promise<Caller>;
  /** "session_id <32 hexadecimal digits>" of messenger-v1. */
  ofSessionKey(key: string): Promise<Caller>;
  /** After its session was ended. */
  forgetSessionKey(key: string): Promise<void>;
  /** The access token that stands for what follows "Basic ", with some of its life still before it. */
  tokenOfBasic(encoded: string, context: CallContext): Promise<string>;
  /** Whatever a client of any dialect, or of v2, would show; undefined: nothing. */
  ofAny(request: FastifyRequest, context: CallContext): Promise<Caller | undefined>;
}

export interface CredentialsParts {
  authenticator: Pick<Authenticator, "authenticate" | "authenticateToken">;
  sessionKeys: SessionKeys;
  basic: BasicSignIn;
}

const safeMethods = new Set(["GET", "HEAD"]);

export function createCredentials({ authenticator, sessionKeys, basic }: CredentialsParts): Credentials {
  const ofToken = authenticator.authenticateToken;
  const changesState = ({ method }: FastifyRequest) => !safeMethods.has(method);
  return {
    ofToken,
    ofSessionKey: sessionKeys.resolve,
    forgetSessionKey: sessionKeys.forget,
    tokenOfBasic: basic.tokenOf,
    async ofAny(request, context) {
      const { authorization, cookie } = request.headers;
      if (authorization !== undefined) {
        const [, scheme = "", value] = /^ *(\S+)(?: +(\S+))? *$/.exec(authorization) ?? [];
        if (value === undefined) return ofToken(scheme);
        if (scheme.toLowerCase() === "session_id") return sessionKeys.resolve(value);
        if (scheme.toLowerCase() === "basic") {
          // Browsers that were once given them send them by themselves, for whatever page.
          if (changesState(request)) refuseForeignPage(request.headers);
          return basic.resolve(value, context);
        }
      } else {
        const given = queryOf(request).get("token");
        if (given) return ofToken(given);
        const token = readCookie(cookie, octoCookie);
        if (token && changesState(request)) refuseForeignPage(request.headers);
        if (token) return ofToken(token);
      }
      return authenticator.authenticate(request.headers, { changesState: changesState(request) });
    },
  };
}
