import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ProtocolServer, startProtocolServer } from "../test/protocol-server.ts";
import { createSession, type Session } from "./session.ts";
import { memoryTokenStore, type SessionTokens, type TokenStore } from "./token-store.ts";

let server: ProtocolServer;
before(async () => {
  server = await startProtocolServer();
  server.state.signUp({ email: "ada@example.org", password: "correct horse", name: "Ada" });
});
after(() => server.stop());

interface Options {
  setCookie?: boolean;
  fetch?: typeof globalThis.fetch;
  store?: TokenStore;
  now?: () => number;
}

function newSession(options: Options = {}) {
  const { store = memoryTokenStore(), now = Date.now, setCookie = false, fetch = globalThis.fetch } = options;
  const told: string[] = [];
  const http = { url: server.url, fetch, timeoutMs: 5000, closed: new AbortController().signal };
  const session: Session = createSession({
    setCookie,
    http,
    store,
    now,
    onRenewed: () => told.push("renewed"),
    onEnded: () => told.push("ended"),
  });
  return { session, told };
}

async function signedIn(options?: Options) {
  server.trouble = {};
  server.state.refreshCalls.length = 0;
  const made = newSession(options);
  await made.session.signIn("ada@example.org", "correct horse");
  return made;
}

test("many who need a new token at once cause one refresh", async () => {
  let ahead = 0;
  const { session } = await signedIn({ now: () => Date.now() + ahead });
  const first = await session.accessToken();
  ahead = 9.5 * 60_000;
  const tokens = await Promise.all(Array.from({ length: 20 }, () => session.accessToken()));
  assert.equal(new Set(tokens).size, 1);
  assert.notEqual(tokens[0], first);
  assert.equal(server.state.refreshCalls.length, 1);
});

test("a token is kept until a minute before it expires", async () => {
  let ahead = 0;
  const { session } = await signedIn({ now: () => Date.now() + ahead });
  const first = await session.accessToken();
  ahead = 8.9 * 60_000;
  assert.equal(await session.accessToken(), first);
  assert.equal(server.state.refreshCalls.length, 0);
});

test("tabs that share a store share a refresh: no refresh token is used twice", async () => {
  let held: SessionTokens | undefined;
  const store: TokenStore = {
    lockName: "shared",
    load: () => held,
    save: (tokens) => {
      held = tokens;
    },
  };
  let ahead = 0;
  const now = () => Date.now() + ahead;
  await signedIn({ store, now });
  const tabs = Array.from({ length: 5 }, () => newSession({ store, now }).session);
  await Promise.all(tabs.map((tab) => tab.restore()));
  ahead = 9.5 * 60_000;
  const tokens = await Promise.all(tabs.map((tab) => tab.accessToken()));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(server.state.refreshCalls.length, 1);
});

test("a session that was ended elsewhere ends here", async () => {
  const { session, told } = await signedIn();
  server.state.endSessions();
  await assert.rejects(session.renew(), { code: "signed-out" });
  assert.equal(session.user, undefined);
  assert.deepEqual(told, ["renewed", "ended"]);
  await assert.rejects(session.accessToken(), { code: "signed-out" });
});

test("a server that cannot be reached does not end the session", async () => {
  let ahead = 0;
  const { session } = await signedIn({ now: () => Date.now() + ahead });
  const first = await session.accessToken();
  server.trouble = { http: () => ({ status: 0 }) };
  ahead = 9.5 * 60_000;
  assert.equal(await session.accessToken(), first, "it is good for half a minute yet");
  ahead = 11 * 60_000;
  await assert.rejects(session.accessToken(), { code: "network" });
  server.trouble = {};
  assert.notEqual(await session.accessToken(), first);
});

test("an answer to a refresh that is lost is asked for again", async () => {
  const { session } = await signedIn();
  let calls = 0;
  server.trouble = { http: () => (++calls === 1 ? { status: 0 } : undefined) };
  await session.renew();
  assert.equal(calls, 2);
});

test("a refused token is renewed once, however many were refused it", async () => {
  const { session } = await signedIn();
  const refused = await session.accessToken();
  const renewed = await session.renew(refused);
  assert.equal(await session.renew(refused), renewed);
  assert.equal(server.state.refreshCalls.length, 1);
});

test("signing out ends the session here even when the server cannot be told", async () => {
  const { session, told } = await signedIn();
  server.trouble = { http: () => ({ status: 0 }) };
  await assert.rejects(session.signOut(), { code: "network" });
  assert.equal(session.user, undefined);
  assert.deepEqual(told, ["renewed", "ended"]);
});

test("wrong credentials are told as such", async () => {
  server.trouble = {};
  const { session } = newSession();
  await assert.rejects(session.signIn("ada@example.org", "wrong"), { code: "bad-credentials", status: 401 });
});

test("asks for a cookie at every sign-in and refresh, if it is to", async () => {
  const bodies: string[] = [];
  const recording: typeof fetch = (url, init) => {
    bodies.push(String(init?.body));
    return fetch(url, init);
  };
  for (const setCookie of [true, false]) {
    bodies.length = 0;
    const { session } = await signedIn({ setCookie, fetch: recording });
    await session.renew();
    assert.deepEqual(
      bodies.map((body) => JSON.parse(body).setCookie ?? false),
      [setCookie, setCookie],
    );
  }
});
