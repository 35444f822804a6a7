import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { topics } from "#platform/bus.ts";
import { startGateway, userId } from "#test/gateway.ts";

const outside = await startOutsideIssuer();
const gateway = await startGateway({
  endedSessionIds: ["ended-before-the-start"],
  config: {
    PARLEY_EXTERNAL_JWKS_URL: outside.url,
    PARLEY_EXTERNAL_ISSUER: "https://id.example.org",
    PARLEY_EXTERNAL_AUDIENCE: "chat",
    PARLEY_TOKEN_TOLERANCE_S: 5,
  },
});

async function me(headers: Record<string, string>, method = "GET") {
  const path = method === "GET" ? "/v2/users/me" : "/v2/ws-tickets";
  const response = await fetch(gateway.url + path, { method, headers });
  const body = await response.json();
  return { status: response.status, challenge: response.headers.get("www-authenticate"), ...body };
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function assertRefused(token: string, code = "unauthenticated") {
  const answer = await me(bearer(token));
  assert.deepEqual([answer.status, answer.code], [401, code]);
  assert.match(answer.challenge, /^Bearer error="invalid_token"/);
}

test("a token of Parley's own is accepted, from the header and from the cookie", async () => {
  assert.equal((await me(bearer(gateway.token))).user.id, userId);
  assert.equal((await me({ cookie: `x=1; parley_access=${gateway.token}; y="2"` })).user.id, userId);
});

test("without credentials: unauthenticated, and a challenge without error", async () => {
  const answer = await me({});
  assert.deepEqual([answer.status, answer.code, answer.challenge], [401, "unauthenticated", "Bearer"]);
});

test("what is no bearer token is refused", async () => {
  for (const authorization of [
    "Basic YTpi",
    "Bearer",
    "Bearer a b",
    "bearer x.y.z",
    `Bearer ${"x".repeat(9_000)}`,
  ]) {
    assert.equal((await me({ authorization })).code, "unauthenticated", authorization.slice(0, 40));
  }
});

test("tokens that say the wrong things are refused", async () => {
  const nowS = Math.floor(gateway.clock.now() / 1_000);
  const wrong: [JWTPayload, string?][] = [
    [{ exp: nowS - 6 }, "token-expired"],
    [{ exp: undefined } as never],
    [{ iss: "someone-else" }],
    [{ aud: "something-else" }],
    [{ sub: undefined } as never],
    [{ sid: undefined }],
    [{ sid: "" }],
    [{ nbf: nowS + 60 }],
  ];
  for (const [claims, code] of wrong) await assertRefused(await gateway.issuer.sign(claims), code);
});

test("unsigned tokens, HMAC with the public key, foreign keys and changed payloads are refused", async () => {
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = { iss: "parley", aud: "parley", sub: userId, sid: "s", exp: nowS + 600 };
  await assertRefused(new UnsecuredJWT(claims).encode());
  const { publicKey, privateKey } = await generateKeyPair("Ed25519");
  const sign = (alg: string, key: Parameters<SignJWT["sign"]>[0]) =>
    new SignJWT(claims).setProtectedHeader({ alg, typ: "at+jwt", kid: gateway.issuer.kid }).sign(key);
  await assertRefused(await sign("EdDSA", privateKey));
  await assertRefused(await sign("HS256", new TextEncoder().encode(await exportSPKI(publicKey))));
  const ownKey = gateway.issuer.jwks().keys[0] as unknown as { x: string };
  await assertRefused(await sign("HS256", Buffer.from(ownKey.x, "base64url")));
  const [header, , signature] = gateway.token.split(".");
  const payload = Buffer.from(JSON.stringify({ ...claims, roles: ["admin"] })).toString("base64url");
  await assertRefused(`${header}.${payload}.${signature}`);
  await assertRefused(`${header}.${payload}.`);
  await assertRefused("not.a.token");
});

test("a token expires, with a small tolerance, although it was accepted before", async () => {
  const token = await gateway.issuer.sign({
    exp: Math.floor(gateway.clock.now() / 1_000) + 60,
    jti: "expires",
  });
  assert.equal((await me(bearer(token))).status, 200);
  gateway.clock.nowMs += 64_000;
  assert.equal((await me(bearer(token))).status, 200);
  gateway.clock.nowMs += 2_000;
  await assertRefused(token, "token-expired");
});

test("the end of a session is effective at once, also for a token that was accepted before", async () => {
  const token = await gateway.issuer.sign({ sid: "to-be-ended" });
  assert.equal((await me(bearer(token))).status, 200);
  gateway.bus.publish(topics.sessions, create(BusMessageSchema, { endedSessionIds: ["to-be-ended"] }));
  await assertRefused(token);
  await assertRefused(await gateway.issuer.sign({ sid: "ended-before-the-start" }));
});

test("a token of another kind is refused", async () => {
  await assertRefused(await gateway.issuer.sign({}, { typ: "logout+jwt" }));
});

test("a new signing key is fetched when a token names it, and made-up ones do not make more of it", async () => {
  await gateway.issuer.rotate();
  const asked = gateway.issuer.keysAsked;
  const beganMs = performance.now();
  const token = await gateway.issuer.sign();
  const answers = await Promise.all([1, 2, 3].map(() => me(bearer(token))));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200, 200],
  );
  const madeUp = Array.from({ length: 20 }, (_, i) => gateway.issuer.sign({}, { kid: `made-up-${i}` }));
  await Promise.all((await Promise.all(madeUp)).map((invented) => assertRefused(invented)));
  // Once a second, as long as it took.
  const seconds = Math.ceil((performance.now() - beganMs) / 1_000);
  const times = gateway.issuer.keysAsked - asked;
  assert.ok(times <= 1 + seconds, `${times} times in ${seconds} s`);
});

test("a cookie changes something only for a page of this origin", async () => {
  const cookie = `parley_access=${gateway.token}`;
  const post = (headers: Record<string, string>) => me({ cookie, ...headers }, "POST");
  assert.equal((await post({ origin: gateway.url })).status, 200);
  for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, {}] as Record<
    string,
    string
  >[]) {
    assert.equal((await post(headers)).code, "origin-not-allowed", JSON.stringify(headers));
  }
  assert.equal((await me({ ...bearer(gateway.token), origin: "https://evil.example" }, "POST")).status, 200);
});

test("public methods take no notice of a bad token", async () => {
  const response = await fetch(`${gateway.url}/v2/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer("expired") },
    body: '{"email":"a@b.c","password":"x"}',
  });
  assert.equal(response.status, 200);
});

test("tokens of the outside issuer stand for users of their own, without a session or roles", async () => {
  assert.equal((await me(bearer(await outside.sign({ sub: "42", roles: ["admin"] })))).user.id, "outside-42");
  const { actor } = gateway.seen.at(-1)!;
  assert.deepEqual(actor, { userId: "outside-42", sessionId: "", roles: [] });
});

test("the outside issuer cannot speak for Parley, nor Parley's keys for it", async () => {
  await assertRefused(await outside.sign({ iss: "parley", aud: "parley", sid: "s" }));
  await assertRefused(await gateway.issuer.sign({ iss: "https://id.example.org", aud: "chat" }));
  await assertRefused(await outside.sign({ aud: "parley" }));
  await assertRefused(await outside.sign({ exp: 1 }), "token-expired");
  await assertRefused(new UnsecuredJWT({ iss: "https://id.example.org", aud: "chat", sub: "1" }).encode());
});

test("when the outside issuer's keys cannot be had: unavailable", async () => {
  const other = await startGateway({
    config: {
      PARLEY_EXTERNAL_JWKS_URL: "http://127.0.0.1:9/jwks",
      PARLEY_EXTERNAL_ISSUER: "https://id.example.org",
      PARLEY_EXTERNAL_AUDIENCE: "chat",
    },
  });
  const response = await fetch(`${other.url}/v2/users/me`, {
    headers: bearer(await outside.sign({ sub: "1" })),
  });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
});

async function startOutsideIssuer() {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "rsa", alg: "RS256", use: "sig" }] };
  const server = createServer((_request, response) => void response.end(JSON.stringify(jwks)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    sign(claims: JWTPayload) {
      const defaults = {
        iss: "https://id.example.org",
        aud: "chat",
        sub: "1",
        exp: Math.floor(Date.now() / 1_000) + 600,
      };
      return new SignJWT({ ...defaults, ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "rsa" })
        .sign(privateKey);
    },
  };
}
