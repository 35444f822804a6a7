/** What broke the gateway that lab once was: registrations that are wrong, by the hundred, must be no trouble for anybody else. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createLog } from "#platform/log.ts";
import { startParley } from "#test/parley.ts";
import { createAccount, password } from "#test/people.ts";

const adminEmail = `admin-${randomUUID()}@example.com`;
const lines: string[] = [];
const parley = await startParley(
  { PARLEY_THROTTLING: "off", PARLEY_ADMIN_EMAILS: adminEmail, PARLEY_CIRCUIT_MIN_CALLS: "5" },
  { log: createLog("debug", { write: (line) => void lines.push(line) }) },
);
/** In every password here. */
const mark = "whispered";

interface Registration {
  first_name: string;
  last_name: string;
  email: string;
  title: string;
  login: string;
  password: string;
}

let registrations = 0;

function fresh(): Registration {
  const login = `user-${++registrations}`;
  const email = `${login}@example.com`;
  return { first_name: "Good", last_name: "One", email, title: "", login, password: mark };
}

async function register(fields: Partial<Registration>, how: "query" | "form" = "query") {
  const text = new URLSearchParams(fields);
  const response = await (how === "query"
    ? fetch(`${parley.url}/user?${text}`, { method: "POST" })
    : fetch(`${parley.url}/user`, { method: "POST", body: text }));
  return { status: response.status, body: await response.text() };
}

const basic = (login: string, secret: string) =>
  `Basic ${Buffer.from(`${login}:${secret}`).toString("base64")}`;

async function statusOf(path: string, authorization: string): Promise<number> {
  const response = await fetch(parley.url + path, { headers: { authorization } });
  await response.arrayBuffer();
  return response.status;
}

interface CircuitJson {
  service: string;
  state: string;
  transitions: unknown[];
  failures?: number;
}

async function signInAdmin(): Promise<string> {
  const headers = { "content-type": "application/json" };
  const post = (path: string, body: object) =>
    fetch(parley.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  await post("/v2/auth/sign-up", { email: adminEmail, password, name: "Admin" });
  const answer = await post("/v2/auth/sign-in", { email: adminEmail, password });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

const adminToken = await signInAdmin();

async function assertUntouched(): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await fetch(`${parley.url}/v2/admin/circuits`, { headers });
  const { circuits } = (await response.json()) as { circuits: CircuitJson[] };
  const identity = circuits.find(({ service }) => service === "identity");
  assert.deepEqual([identity?.state, identity?.transitions], ["closed", []]);
  assert.equal((await register(fresh())).status, 200);
}

const times = <T>(count: number, work: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => work(i));

async function assertAllRefused(answers: Promise<{ status: number; body: string }>[], status: number) {
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, status, answer.body);
    assert.deepEqual(Object.keys(JSON.parse(answer.body)), ["type", "title", "status", "detail"]);
    assert.doesNotMatch(answer.body, /xxxxx|secret|whispered/);
  }
}

const taken = fresh();
await register(taken);

const kinds: [string, () => Partial<Registration>, number][] = [
  ["over-long passwords", () => ({ ...fresh(), password: mark.repeat(30) }), 400],
  ["passwords of many bytes", () => ({ ...fresh(), password: "ж".repeat(129) }), 400],
  ["logins that are taken", () => ({ ...fresh(), login: taken.login }), 409],
  ["addresses that are taken", () => ({ ...fresh(), email: taken.email.toUpperCase() }), 409],
  ["no login", () => ({ ...fresh(), login: "" }), 400],
  ["no field at all", () => ({}), 400],
  ["over-long names", () => ({ ...fresh(), first_name: "x".repeat(5_000) }), 400],
  ["control characters", () => ({ ...fresh(), last_name: "a\u0000b", password: mark }), 400],
  ["something else than an address", () => ({ ...fresh(), email: "secret" }), 400],
];

for (const [what, fields, status] of kinds) {
  test(`registrations with ${what}, 200 at once, leave the circuit closed`, async () => {
    const how = (i: number) => (i % 2 === 0 ? "query" : "form");
    await assertAllRefused(
      times(200, (i) => register(fields(), how(i))),
      status,
    );
    await assertUntouched();
  });
}

test("of many who want one login at once, one gets it, and the others are told so", async () => {
  const login = `wanted-${randomUUID()}`;
  const answers = await Promise.all(times(150, () => register({ ...fresh(), login })));
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual(
    [statuses.filter((status) => status === 200).length, new Set(statuses)],
    [1, new Set([200, 409])],
  );
  await assertUntouched();
});

test("wrong passwords and made-up tokens by the hundred leave the circuit closed as well", async () => {
  const wrong = times(200, (i) => statusOf("/auth", basic(taken.login, `${mark} ${i}`)));
  const made = times(200, (i) => statusOf("/auth_check", `Bearer made-up-${i}`));
  assert.deepEqual(new Set(await Promise.all([...wrong, ...made])), new Set([401]));
  assert.equal(await statusOf("/auth", basic(taken.login, taken.password)), 200);
  await assertUntouched();
});

test("a flood of registrations leaves room for others to sign in", async () => {
  const { token } = await createAccount(parley.url, "Other");
  const flood = Promise.all(times(300, () => register(fresh())));
  assert.equal(await statusOf("/auth_check", `Bearer ${token}`), 200);
  for (const { status } of await flood) assert.equal(status, 200);
  await assertUntouched();
});

test("no password has got into the log, at its most talkative", async () => {
  assert.ok(lines.some((line) => line.includes("POST /user")));
  const encoded = basic(taken.login, taken.password).slice("Basic ".length);
  for (const line of lines) {
    assert.equal(line.includes(mark), false, line);
    assert.equal(line.includes(encoded), false, line);
  }
});
