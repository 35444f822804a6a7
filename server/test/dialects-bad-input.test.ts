/** Whatever is sent to the old APIs is answered in their shape, is never the server's fault, and opens no circuit. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { DialectRoute } from "#gateway/dialects/dialect.ts";
import { type DialectName, dialectNames } from "#gateway/dialects/versions.ts";
import { describedDialects } from "#test/dialects.ts";
import { askOf, createOldAccount } from "#test/old-clients.ts";
import { startParley } from "#test/parley.ts";
import { password } from "#test/people.ts";
import { SocialClient, socialUrlOf } from "#test/social-client.ts";

const adminEmail = "admin@example.com";
const parley = await startParley({
  PARLEY_THROTTLING: "off",
  PARLEY_ADMIN_EMAILS: adminEmail,
  PARLEY_CIRCUIT_MIN_CALLS: "5",
  PARLEY_CIRCUIT_WINDOW_MS: "2000",
});
const ask = askOf(parley.url);
const alice = await createOldAccount(ask, "alice");
const { accessToken: adminToken } = await signUpAdmin();

async function signUpAdmin() {
  await ask("POST /v2/auth/sign-up", { json: { email: adminEmail, password, name: "Admin" } });
  return (await ask("POST /v2/auth/sign-in", { json: { email: adminEmail, password } })).body;
}

/** What an error's body has, in each API. */
const errorKeys: Record<DialectName, string[]> = {
  "messenger-v1": ["message"],
  social: ["code", "message"],
  kv: ["msg"],
  octo: ["detail"],
  lab: ["detail", "status", "title", "type"],
};

async function send(name: DialectName, { method, template }: DialectRoute, path: string, init: RequestInit) {
  const response = await fetch(parley.url + path, { method: String(method), redirect: "manual", ...init });
  const text = await response.text();
  const where = `${name}: ${method} ${template} ${path} ${JSON.stringify(init)}: ${response.status} ${text}`;
  assert.ok(response.status < 500, where);
  assert.ok(response.headers.get("deprecation"), where);
  if (response.status >= 400) assert.deepEqual(Object.keys(JSON.parse(text)).sort(), errorKeys[name], where);
  return response.status;
}

const pathOf = ({ template }: DialectRoute, value: string) => template.replaceAll(/\{\w+\}/g, value);

/** Of all routes, with every kind of body that is none of theirs, by somebody who is signed in. */
const badBodies: Record<string, BodyInit | undefined> = {
  nothing: undefined,
  "not JSON": "{",
  "a list": "[]",
  null: "null",
  "a number": "7",
  "no UTF-8": Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  "a form": new URLSearchParams({ user_name: "x", email: "x", password: "x", message: "x" }),
  "empty fields": fields(""),
  "lists for texts": fields(["a"]),
  "objects for texts": fields({}),
  "numbers for texts": fields(7),
  "control characters": fields("a\u0000b\u0007"),
  "half a character": fields("\ud800"),
  "long texts": fields("x".repeat(5_000)),
  deep: "[".repeat(50_000),
};

function fields(value: unknown): string {
  const names = ["user_name", "username", "email", "password", "name", "login", "chat_name", "message"];
  const more = [
    "companion_id",
    "chat_id",
    "messages",
    "refresh_token",
    "key",
    "extension",
    "data",
    "birthday",
  ];
  return JSON.stringify(Object.fromEntries([...names, ...more].map((name) => [name, value])));
}

for (const name of dialectNames) {
  test(`${name}: a bad body, path or query is refused in the old shape`, async () => {
    const headers = alice.credentials[name === "kv" ? "social" : name];
    for (const route of describedDialects.get(name)!.routes) {
      if (route.template === "/auth/logout" || route.template === "/v1/auth/logout") continue;
      for (const value of ["1", "%00", "%ff", "x".repeat(3_000), "00000000-0000-4000-8000-000000000000"]) {
        const query = `?id=${value}&chat_id=${value}&user_id=${value}&email=${value}&limit=-1&offset=x&from=%ff&message=`;
        await send(name, route, pathOf(route, value) + query, { headers });
        await send(name, route, pathOf(route, value), { headers });
      }
      if (route.method === "GET") continue;
      const path = pathOf(route, "00000000-0000-4000-8000-000000000000");
      for (const body of Object.values(badBodies)) {
        const type = typeof body === "string" ? { "content-type": "application/json" } : {};
        await send(name, route, path, {
          headers: { ...headers, ...type },
          ...(body === undefined ? {} : { body }),
        });
      }
    }
  });

  test(`${name}: whoever shows the credentials of another API, or none that are any, gets in or gets 401`, async () => {
    const shown = [...Object.values(alice.credentials), ...nonsense];
    for (const route of describedDialects.get(name)!.routes.filter(({ access }) => access !== "public")) {
      // Signing out is what it does, with whatever it takes.
      if (route.template.endsWith("/logout")) continue;
      for (const headers of shown) await send(name, route, pathOf(route, "1"), { headers });
      for (const headers of nonsense)
        assert.equal(
          await send(name, route, pathOf(route, "1"), { headers }),
          401,
          `${route.template} ${JSON.stringify(headers)}`,
        );
    }
  });
}

const nonsense: Record<string, string>[] = [
  {},
  { authorization: "Bearer" },
  { authorization: "Bearer x.y.z" },
  { authorization: "session_id 0123456789abcdef0123456789abcdef" },
  { authorization: "session_id " },
  { authorization: "Basic" },
  { authorization: "Basic %%%" },
  { authorization: `Basic ${btoa("alice:wrong")}` },
  { authorization: `Basic ${btoa("alice")}` },
  { authorization: "x ".repeat(2_000) },
  { cookie: "octo_handler_user=x" },
];

test("frames that are no old client's close nothing but, at worst, their own socket", async () => {
  for (const frame of [
    "{",
    "[]",
    "null",
    '{"topic":"messenger"}',
    '{"topic":"messenger","action":"send-message","payload":{}}',
  ]) {
    const { ws } = await SocialClient.open(socialUrlOf(parley.url), alice.token);
    for (let i = 0; i < 20; i++) ws.send(frame);
    const closed = once(ws, "close", { signal: AbortSignal.timeout(10_000) });
    ws.send(Buffer.from([0xff]), { binary: true });
    const [code] = await closed;
    assert.ok(code < 4_500 && code !== 1011, `${frame} closed it with ${code}`);
  }
});

test("registrations by the hundred that cannot be are their sender's fault", async () => {
  const long = "x".repeat(300);
  const tries: (() => Promise<{ status: number }>)[] = [
    () => ask("POST /v1/auth/register", { json: { user_name: "alice", password: "x" } }),
    () => ask("POST /v1/auth/register", { json: { user_name: "x", password: long } }),
    () => ask("POST /auth/sign-up", { json: { email: alice.email, password: "x", name: "x" } }),
    () => ask("POST /auth/sign-up", { json: { email: "long@example.com", password: long, name: "x" } }),
    () => ask("POST /auth/register", { json: { email: alice.email, password: "x" } }),
    () => ask("POST /auth/register", { json: { email: "long@example.com", password: long } }),
    () => ask("POST /user?first_name=a&last_name=b&email=c@example.com&title=&login=alice&password=x"),
    () => ask(`POST /user?first_name=a&last_name=b&email=c@example.com&title=&login=long&password=${long}`),
  ];
  for (let round = 0; round < 25; round++) {
    const answers = await Promise.all(tries.map((attempt) => attempt()));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 400, 400, 400, 400, 400, 409, 400],
    );
  }
});

test("after all of it no circuit has opened", async () => {
  const { body } = await ask("GET /v2/admin/circuits", {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  assert.ok(body.circuits.length > 0);
  for (const { service, state, transitions = [] } of body.circuits)
    assert.deepEqual([service, state, transitions], [service, "closed", []]);
});
