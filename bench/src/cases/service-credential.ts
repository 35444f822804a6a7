/** What a gateway shows a service, for a load that asks the service itself; see docs/decisions/0025-roles-apart.md. */
import { createHmac, hkdfSync } from "node:crypto";

/** A run lasts less. */
const lifetimeS = 600;
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The value of an authorization header that speaks for this user. */
export function serviceCredential(serviceToken: string, service: string, userId: string): string {
  const key = Buffer.from(hkdfSync("sha256", serviceToken, "", "parley service credentials", 32));
  const head = encode({ alg: "HS256", typ: "parley-service+jwt" });
  const exp = Math.floor(Date.now() / 1_000) + lifetimeS;
  // User, session, roles.
  const payload = encode({ iss: "parley", aud: service, exp, act: `${userId}  ` });
  const signature = createHmac("sha256", key).update(`${head}.${payload}`).digest("base64url");
  return `Bearer ${head}.${payload}.${signature}`;
}
