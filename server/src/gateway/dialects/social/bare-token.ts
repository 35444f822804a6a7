import { fault } from "#platform/errors.ts";

/** The token that stands in Authorization by itself; "Bearer" before it does no harm. Undefined: there is none. */
export function bareToken(authorization: string | undefined): string | undefined {
  const words = authorization?.trim().split(/ +/) ?? [];
  if (words.length > 1 && words[0]?.toLowerCase() === "bearer") words.shift();
  if (words.length > 1) throw fault("unauthenticated", { detail: "Authorization must be the access token" });
  return words[0] || undefined;
}
