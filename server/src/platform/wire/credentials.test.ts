import assert from "node:assert/strict";
import { test } from "node:test";
import { SignJWT } from "jose";
import { actorHeader, actorHeaders } from "#platform/actor.ts";
import { toPublicError } from "#platform/errors.ts";
import { createSignHeaders, createVerifyHeaders } from "#platform/wire/credentials.ts";

const token = "one service token of thirty-two characters or more";
const other = "another service token of thirty-two characters too";
const actor = { userId: "u1", sessionId: "s1", roles: ["admin"] };
const isRefused = (error: unknown) => toPublicError(error).code === "service-refused";

function clockAt(nowMs: number) {
  return { nowMs, now: () => clock.nowMs };
}
let clock: { nowMs: number; now(): number } = clockAt(Date.now());

function pair(signers = [token], acceptors = [token], audience = "messenger") {
  clock = clockAt(Date.now());
  return {
    sign: createSignHeaders(audience, { serviceTokens: signers, clock: { now: () => clock.nowMs } }),
    verify: createVerifyHeaders(["messenger"], {
      serviceTokens: acceptors,
      clock: { now: () => clock.nowMs },
    }),
  };
}

test("what is signed here is believed there, and travels in one header", async () => {
  const { sign, verify } = pair();
  const headers: Record<string, string> = { ...actorHeaders(actor) };
  const stated = headers[actorHeader];
  await sign(headers);
  assert.equal(headers[actorHeader], undefined, "nothing travels unsigned");
  await verify(headers);
  assert.equal(headers[actorHeader], stated);
  assert.equal(headers.authorization, undefined, "handlers do not see credentials");
});

test("a call for nobody is a call for nobody", async () => {
  const { sign, verify } = pair();
  const headers: Record<string, string> = {};
  await sign(headers);
  await verify(headers);
  assert.equal(headers[actorHeader], undefined);
});

test("an actor that is stated without a signature is not believed", async () => {
  const { sign, verify } = pair();
  const signed: Record<string, string> = {};
  await sign(signed);
  const headers: Record<string, string> = { ...actorHeaders(actor), authorization: signed.authorization! };
  await verify(headers);
  assert.equal(headers[actorHeader], undefined);
  await assert.rejects(verify({ ...actorHeaders(actor) }), isRefused);
});

test("other keys, other services, other kinds of token are refused", async () => {
  const { verify } = pair();
  for (const refused of [pair([other]), pair([token], [token], "identity")]) {
    const headers: Record<string, string> = { ...actorHeaders(actor) };
    await refused.sign(headers);
    await assert.rejects(verify(headers), isRefused);
  }
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(
    '{"iss":"parley","aud":"messenger","act":"u","exp":9999999999}',
  ).toString("base64url")}.`;
  const foreign = await new SignJWT({ act: "u" })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(token));
  for (const text of [unsigned, foreign, "", "x", "x.y.z"]) {
    await assert.rejects(verify({ authorization: `Bearer ${text}` }), isRefused, text);
  }
});

test("a token that comes second is accepted, so that all processes can be given a new one in turn", async () => {
  const { sign } = pair([other]);
  const { verify } = pair([token], [token, other]);
  const headers: Record<string, string> = { ...actorHeaders(actor) };
  await sign(headers);
  await verify(headers);
  assert.ok(headers[actorHeader]);
});

test("a signature is used for a while, and is worth nothing soon after", async () => {
  const { sign, verify } = pair();
  const credentialAt = async (ms: number) => {
    clock.nowMs += ms;
    const headers: Record<string, string> = { ...actorHeaders(actor) };
    await sign(headers);
    return headers.authorization!;
  };
  const first = await credentialAt(0);
  assert.equal(await credentialAt(10_000), first);
  assert.notEqual(await credentialAt(30_000), first);
  await verify({ authorization: first });
  clock.nowMs += 600_000;
  await assert.rejects(verify({ authorization: first }), isRefused, "also one seen before");
  clock.nowMs -= 7_200_000;
  assert.notEqual(await credentialAt(0), first, "a clock that is put back gets a new signature");
});
