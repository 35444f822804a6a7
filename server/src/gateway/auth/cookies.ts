/** The session cookie: holds the access token where a page's scripts cannot read it. */

export const accessCookie = "parley_access";

export function readCookie(header: string | undefined, name: string): string | undefined {
  if (!header) return undefined;
  for (const pair of header.split(";")) {
    const [key, value] = splitPair(pair);
    if (key === name) return value;
  }
  return undefined;
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair.trim(), ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

export interface CookieOptions {
  maxAgeS: number;
  /** Only over HTTPS. */
  secure: boolean;
}

/** The value of a Set-Cookie header. An access token is a JWT, whose characters need no quoting. */
export function accessTokenCookie(token: string, { maxAgeS, secure }: CookieOptions): string {
  return `${accessCookie}=${token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeS}${secure ? "; Secure" : ""}`;
}
