import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { StartSessionResponseSchema } from "@parley/api/internal/identity";
import type { CallContext, Caller } from "#gateway/call.ts";
import { createCallTurns } from "#gateway/call-turns.ts";
import { createBasicSignIn } from "#gateway/dialects/credentials/basic-sign-in.ts";
import type { SignInToDialect } from "#gateway/dialects/credentials/sign-in.ts";
import { fault, toPublicError } from "#platform/errors.ts";

const minuteMs = 60_000;
const context: CallContext = {
  caller: undefined,
  signal: undefined,
  clientAddress: "192.0.2.1",
  userAgent: "tests",
};
const clock = { nowMs: 0, now: () => clock.nowMs };
const ended = new Set<string>();
const callers = new Map<string, Caller>();
let asked: Parameters<SignInToDialect>[0][] = [];
let admitted = 0;
let failure: Error | undefined;
let isLimited = false;
let tokens = 0;
let gate = Promise.resolve();

const basic = createBasicSignIn({
  async signIn(request) {
    asked.push(request);
    await gate;
    if (failure) throw failure;
    if (request.password !== "pass") throw fault("bad-credentials");
    const token = `token-${++tokens}`;
    const caller = {
      userId: request.login,
      sessionId: token,
      roles: [],
      tokenExpiresAt: clock.now() + 60 * minuteMs,
    };
    callers.set(token, caller);
    return create(StartSessionResponseSchema, { accessToken: token });
  },
  authenticator: {
    async authenticateToken(token) {
      const caller = callers.get(token);
      if (!caller || ended.has(token) || clock.now() >= caller.tokenExpiresAt) throw fault("unauthenticated");
      return caller;
    },
  },
  throttle: {
    async admitClass(name) {
      assert.equal(name, "sign-in");
      if (isLimited) throw fault("too-many-requests");
      admitted += 1;
    },
  },
  turns: createCallTurns({ maxUnderWay: 2, maxWaiting: 10 }),
  timeoutMs: 1_000,
  clock,
});

let users = 0;
let login = "";
const encode = (text: string, encoding: BufferEncoding = "utf8") =>
  Buffer.from(text, encoding).toString("base64");
const resolve = (text = `${login}:pass`) => basic.resolve(encode(text), context);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error) => toPublicError(error).code,
  );

beforeEach(() => {
  login = `user-${++users}`;
  asked = [];
  admitted = 0;
  failure = undefined;
  isLimited = false;
});

test("a password is checked once, by a session that ends with its token", async () => {
  assert.equal((await resolve()).userId, login);
  assert.equal((await resolve()).userId, login);
  assert.deepEqual(asked, [{ login, password: "pass", accessTokenSeconds: 3_600, sessionSeconds: 3_600 }]);
  assert.equal(admitted, 1);
});

test("many at once with one header cost one check; whoever has another waits for his own", async () => {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  gate = promise;
  const all = [resolve(), resolve(), resolve(), resolve(`${login}-other:pass`)];
  open();
  const callersFound = await Promise.all(all);
  gate = Promise.resolve();
  assert.deepEqual(
    callersFound.map(({ userId }) => userId),
    [login, login, login, `${login}-other`],
  );
  assert.equal(asked.length, 2);
});

test("wrong passwords are never kept, and count as sign-ins each time", async () => {
  for (let i = 0; i < 3; i++) assert.equal(await codeOf(resolve(`${login}:wrong`)), "bad-credentials");
  assert.deepEqual([asked.length, admitted], [3, 3]);
  assert.equal((await resolve()).userId, login);
});

test("an expired token, and one whose session has ended, is no longer taken for the password", async () => {
  await resolve();
  clock.nowMs += 60 * minuteMs;
  await resolve();
  assert.equal(asked.length, 2);
  ended.add((await resolve()).sessionId);
  failure = fault("bad-credentials");
  assert.equal(await codeOf(resolve()), "bad-credentials");
});

test("whoever is known passes while identity is away and the limit is reached, others do not", async () => {
  await resolve();
  failure = fault("unavailable");
  assert.equal((await resolve()).userId, login);
  assert.equal(await codeOf(resolve(`${login}-new:pass`)), "unavailable");
  isLimited = true;
  assert.equal((await resolve()).userId, login);
  assert.equal(await codeOf(resolve(`${login}-new:pass`)), "too-many-requests");
});

test("a token that is handed out has ten minutes to live at least", async () => {
  const tokenOf = () => basic.tokenOf(encode(`${login}:pass`), context);
  const first = await tokenOf();
  clock.nowMs += 50 * minuteMs;
  assert.equal(await tokenOf(), first);
  clock.nowMs += 1;
  assert.notEqual(await tokenOf(), first);
});

test("one client that goes away does not end the check that others wait for", async () => {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  gate = promise;
  const gone = new AbortController();
  const first = basic.resolve(encode(`${login}:pass`), { ...context, signal: gone.signal });
  const second = resolve();
  gone.abort();
  open();
  assert.equal((await second).userId, login);
  await first;
  gate = Promise.resolve();
});

test("what cannot be read, or can be nobody's password, is refused", async () => {
  for (const text of ["", "no colon", ":no login"])
    assert.equal(await codeOf(resolve(text)), "unauthenticated");
  assert.equal(asked.length, 0);
  failure = fault("invalid-input");
  assert.equal(await codeOf(resolve(`${login}:${"x".repeat(300)}`)), "bad-credentials");
});

test("colons are part of the password, and Latin-1 is read as well as UTF-8", async () => {
  failure = fault("bad-credentials");
  await codeOf(resolve("zoë:pa:ss"));
  await codeOf(basic.resolve(encode("zoë:päss", "latin1"), context));
  assert.deepEqual(
    asked.map(({ login, password }) => [login, password]),
    [
      ["zoë", "pa:ss"],
      ["zoë", "päss"],
    ],
  );
});
