import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { parseRateLimit } from "#gateway/throttle/rate-limit.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { startGateway, strangerId, userId } from "#test/gateway.ts";
import { until } from "#test/until.ts";

const account = { userId, email: "bob@example.com", roles: [] as string[] };
const { listAccounts, registerAccount, startSession, updateAccount } = IdentityInternalService.method;
const { getAllowance, processWithinAllowance } = DispatchInternalService.method;

/** What services answer with instead, by their names. */
const failures = new Map<"identity" | "dispatch", ErrorCode>();
/** Until it is resolved, no text is processed. */
let held = Promise.withResolvers<void>();
let asked = 0;
beforeEach(() => {
  failures.clear();
  held.resolve();
  asked = 0;
});

function answerOf<T>(service: "identity" | "dispatch", answer: T): T {
  const code = failures.get(service);
  if (code) throw fault(code);
  return answer;
}

const lines: string[] = [];
const allowance = { left: 7, refreshedAt: timestampFromMs(Date.UTC(2026, 5, 2)) };
const signIns: { accessTokenSeconds: number; sessionSeconds: number }[] = [];
const gateway = await startGateway({
  config: { PARLEY_TRUSTED_PROXIES: ["127.0.0.1"], PARLEY_THROTTLING: "off", PARLEY_CALLER_MAX_UNDER_WAY: 2 },
  log: createLog("debug", { write: (line) => void lines.push(line) }),
  routes(router) {
    router.rpc(listAccounts, ({ userIds }) =>
      answerOf("identity", { accounts: userIds.includes(userId) ? [account] : [] }),
    );
    router.rpc(registerAccount, ({ email }) => answerOf("identity", { account: { ...account, email } }));
    router.rpc(updateAccount, () => answerOf("identity", { account }));
    router.rpc(startSession, ({ accessTokenSeconds, sessionSeconds }) => {
      signIns.push({ accessTokenSeconds, sessionSeconds });
      return answerOf("identity", { accessToken: "a.b.c", expiresIn: accessTokenSeconds });
    });
    router.rpc(getAllowance, () => answerOf("dispatch", { allowance }));
    router.rpc(processWithinAllowance, async ({ text }) => {
      asked += 1;
      await held.promise;
      return answerOf("dispatch", { process: { result: text.toUpperCase() }, allowance });
    });
  },
});
const cookie = `octo_handler_user=${gateway.token}`;

async function send(path: string, init: RequestInit = {}) {
  const response = await fetch(gateway.url + path, init);
  const text = await response.text();
  const [setCookie = ""] = response.headers.getSetCookie();
  return { status: response.status, body: text ? JSON.parse(text) : undefined, setCookie };
}

const post = (path: string, headers: Record<string, string> = {}, body?: string | FormData) =>
  send(path, { method: "POST", headers, ...(body === undefined ? {} : { body }) });

const register = () =>
  post("/auth/register", {}, JSON.stringify({ email: "bob@example.com", password: "pass" }));

const refusal = (status: number, detail: string) => ({ status, body: { detail }, setCookie: "" });

describe("the cookie", () => {
  const form = "username=bob%40example.com&password=pass";
  const type = { "content-type": "application/x-www-form-urlencoded" };

  it("lives as long as its token, whose session ends with it", async () => {
    signIns.length = 0;
    const { status, setCookie } = await post("/auth/login", type, form);
    assert.equal(status, 204);
    assert.equal(setCookie, "octo_handler_user=a.b.c; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600");
    assert.deepEqual(signIns, [{ accessTokenSeconds: 3_600, sessionSeconds: 3_600 }]);
  });

  it("is for HTTPS only where the client came by HTTPS", async () => {
    const behindProxy = { ...type, "x-forwarded-proto": "https" };
    assert.match((await post("/auth/login", behindProxy, form)).setCookie, /; Secure$/);
    assert.match(
      (await post("/auth/logout", { cookie, "x-forwarded-proto": "https" })).setCookie,
      /; Secure$/,
    );
  });

  it("is given to nobody because a foreign page sends a form", async () => {
    signIns.length = 0;
    for (const foreign of [{ origin: "https://elsewhere.example" }, { "sec-fetch-site": "cross-site" }]) {
      const { status, setCookie } = await post("/auth/login", { ...type, ...foreign } as never, form);
      assert.deepEqual([status, setCookie], [403, ""]);
    }
    assert.deepEqual(signIns, []);
    assert.equal((await post("/auth/login", { ...type, "sec-fetch-site": "same-origin" }, form)).status, 204);
  });

  it("counts for nothing when a foreign page makes the browser send it", async () => {
    const call = (headers: Record<string, string>) =>
      post("/free_provider?message=a", { cookie, ...headers });
    const { host } = new URL(gateway.url);
    for (const foreign of [
      { origin: "https://elsewhere.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: `http://${host}` },
    ]) {
      assert.equal((await call(foreign as never)).status, 403, JSON.stringify(foreign));
    }
    assert.equal((await call({ origin: `http://${host}` })).status, 200);
    assert.equal((await call({ "sec-fetch-site": "same-origin" })).status, 200);
    assert.equal((await call({})).status, 200);
  });

  it("is not looked at where a token is in the query; an empty one is none", async () => {
    const foreign = { cookie: "octo_handler_user=forged", origin: "https://elsewhere.example" };
    assert.equal((await post(`/free_provider?message=a&token=${gateway.token}`, foreign)).status, 200);
    assert.equal((await post("/free_provider?message=a&token=", { cookie })).status, 200);
    assert.equal((await post("/free_provider?message=a&token=forged", { cookie })).status, 401);
  });
});

describe("the user", () => {
  const shown = {
    id: userId,
    email: "bob@example.com",
    is_active: true,
    is_superuser: false,
    is_verified: false,
    paid_access: false,
    free_messages_left: 7,
    refresh_at: "2026-06-02",
  };

  it("is told what is left of the allowance, and until when", async () => {
    assert.deepEqual(await send("/users/me", { headers: { cookie } }), {
      status: 200,
      body: shown,
      setCookie: "",
    });
    assert.deepEqual(await register(), { status: 201, body: shown, setCookie: "" });
  });

  it("has paid access by the role in the token", async () => {
    const token = await gateway.issuer.sign({ roles: ["paid"] });
    assert.equal((await send(`/users/me?token=${token}`)).body.paid_access, true);
  });

  it("is served, and can register, while dispatch is away", async () => {
    failures.set("dispatch", "unavailable");
    const without = { ...shown, free_messages_left: null, refresh_at: null };
    assert.deepEqual(await send("/users/me", { headers: { cookie } }), {
      status: 200,
      body: without,
      setCookie: "",
    });
    assert.deepEqual(await register(), { status: 201, body: without, setCookie: "" });
  });

  it("is asked to sign in once the account is gone", async () => {
    const token = await gateway.issuer.sign({ sub: strangerId });
    for (const path of ["/users/me", "/welcome"]) {
      assert.deepEqual(await send(`${path}?token=${token}`), refusal(401, "Unauthorized"));
    }
  });
});

describe("a message", () => {
  it("is in the query, in a form of either kind, or in JSON", async () => {
    const parts = new FormData();
    parts.set("message", "parts");
    parts.set("file", new Blob(["x"]), "x.txt");
    const urlencoded = { cookie, "content-type": "application/x-www-form-urlencoded" };
    assert.equal((await post("/free_provider?message=query", { cookie })).body.response, "QUERY");
    assert.equal((await post("/free_provider", urlencoded, "message=form")).body.response, "FORM");
    assert.equal((await post("/free_provider", { cookie }, parts)).body.response, "PARTS");
    assert.equal((await post("/free_provider", { cookie }, '{"message":"json"}')).body.response, "JSON");
  });

  it("is refused in words and with the status that says whose fault it is", async () => {
    const statuses: [ErrorCode, number][] = [
      ["payment-required", 403],
      ["invalid-input", 400],
      ["too-many-requests", 429],
      ["provider-failed", 502],
      ["no-provider", 503],
      ["spend-cap-reached", 503],
      ["requests-unavailable", 503],
      ["outcome-unknown", 504],
    ];
    for (const [code, status] of statuses) {
      failures.set("dispatch", code);
      const answer = await post("/paid_provider?message=a", { cookie });
      assert.equal(answer.status, status, code);
      assert.equal(typeof answer.body.detail, "string");
      assert.deepEqual(Object.keys(answer.body), status < 500 ? ["detail"] : ["ok", "detail"]);
      if (status >= 500) assert.equal(answer.body.ok, false);
    }
  });

  it("keeps none of the user's other requests waiting, however long it takes", async () => {
    held = Promise.withResolvers<void>();
    const slow = Array.from({ length: 3 }, () => post("/free_provider?message=a", { cookie }));
    await until("they are at the provider", () => asked === 2);
    assert.equal((await send("/users/me", { headers: { cookie } })).status, 200);
    held.resolve();
    assert.deepEqual(
      (await Promise.all(slow)).map(({ status }) => status),
      [200, 200, 200],
    );
  });

  it("leaves no trace in the log, nor does the token, whatever goes wrong", async () => {
    lines.length = 0;
    failures.set("dispatch", "internal");
    const answer = await post(`/free_provider?message=zebra&token=${gateway.token}`);
    assert.deepEqual([answer.status, answer.body.ok], [500, false]);
    assert.ok(lines.length > 0);
    assert.equal(
      lines.some((line) => line.includes("zebra") || line.includes(gateway.token)),
      false,
    );
  });
});

describe("limits", () => {
  it("of failed sign-ins hold, in the old shape, and say when to try again", async () => {
    const { url } = await startGateway({
      config: { PARLEY_LIMIT_ACCOUNT: parseRateLimit("2/h") },
      routes: (router) =>
        void router.rpc(startSession, () => {
          throw fault("bad-credentials");
        }),
    });
    const signIn = async () => {
      const body = JSON.stringify({ username: "bob@example.com", password: "wrong" });
      const response = await fetch(`${url}/auth/login`, { method: "POST", body });
      return {
        status: response.status,
        body: await response.json(),
        wait: response.headers.get("retry-after"),
      };
    };
    const bad = { status: 400, body: { detail: "LOGIN_BAD_CREDENTIALS" }, wait: null };
    assert.deepEqual([await signIn(), await signIn()], [bad, bad]);
    const { status, body, wait } = await signIn();
    assert.deepEqual([status, Object.keys(body)], [429, ["detail"]]);
    assert.ok(Number(wait) > 0);
  });
});
