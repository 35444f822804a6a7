/** REST only: signing in with setCookie puts the access token in a cookie, signing out takes it away. */
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import {
  AuthService,
  type RefreshRequest,
  type SignInRequest,
  type SignInResponse,
} from "@parley/api/v2/auth";
import { accessTokenCookie } from "#gateway/auth/cookies.ts";

export interface Exchange {
  method: DescMethodUnary;
  request: Message;
  answer: Message;
  /** Whether the client came by HTTPS. */
  secure: boolean;
}

/** The Set-Cookie header that goes with an answer, if any. */
export function sessionCookie({ method, request, answer, secure }: Exchange): string | undefined {
  const { signIn, refresh, signOut } = AuthService.method;
  if (method === signOut) return accessTokenCookie("", { maxAgeS: 0, secure });
  if (method !== signIn && method !== refresh) return undefined;
  if (!(request as SignInRequest | RefreshRequest).setCookie) return undefined;
  // Both answers hold the token under the same names.
  const { accessToken, expiresIn } = answer as SignInResponse;
  return accessTokenCookie(accessToken, { maxAgeS: expiresIn, secure });
}
