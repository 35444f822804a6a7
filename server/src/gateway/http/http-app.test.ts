import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { errorKinds } from "#platform/errors.ts";
import { chatId, startGateway, type TestGateway } from "#test/gateway.ts";

const webRoot = await mkdtemp(join(tmpdir(), "parley-web-"));
after(() => rm(webRoot, { recursive: true }));
await mkdir(join(webRoot, "assets"));
await writeFile(join(webRoot, "index.html"), "<!doctype html><title>Web client</title>");
await writeFile(join(webRoot, "assets", "main-abc123.js"), "export {};");

const app = "https://app.example.org";
const gateway = await startGateway({
  webRoot,
  config: { PARLEY_ALLOWED_ORIGINS: [app], PARLEY_TRUSTED_PROXIES: ["127.0.0.0/8", "10.0.0.0/8"] },
});

function get(path: string, headers: Record<string, string> = {}, of: TestGateway = gateway) {
  return fetch(of.url + path, { headers, redirect: "manual" });
}
const html = { accept: "text/html,*/*;q=0.8" };

test("serves the web client, its assets for ever, and its start page for addresses inside of it", async () => {
  const start = await get("/", html);
  assert.match(await start.text(), /Web client/);
  assert.equal(start.headers.get("cache-control"), "no-cache");
  assert.match(start.headers.get("content-security-policy")!, /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(start.headers.get("x-content-type-options"), "nosniff");
  const asset = await get("/assets/main-abc123.js");
  assert.equal(asset.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const inside = await get(`/chats/${chatId}`, html);
  assert.deepEqual([inside.status, await inside.text()], [200, "<!doctype html><title>Web client</title>"]);
});

test("what is not there stays not found for programs, below /v2, and among the assets", async () => {
  for (const [path, headers] of [
    ["/chats", {}],
    ["/v2/nothing", html],
    ["/assets/none.js", html],
  ] as const) {
    const answer = await get(path, headers);
    assert.deepEqual([answer.status, (await answer.json()).code], [404, "route-not-found"], path);
  }
  for (const path of ["/../package.json", "/assets/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd"]) {
    const status = await rawStatus(path);
    assert.ok(status === 404 || status === 400 || status === 403, `${path}: ${status}`);
  }
});

/** Without the normalisation that fetch does. */
function rawStatus(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: gateway.httpPort, path }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.on("error", reject).end();
  });
}

test("without a web client the way in leads to the documentation", async () => {
  const bare = await startGateway();
  const answer = await get("/", html, bare);
  assert.deepEqual([answer.status, answer.headers.get("location")], [302, "/docs"]);
});

test("serves the documentation from itself, under a policy that allows nothing else", async () => {
  const page = await get("/docs", html);
  assert.match(page.headers.get("content-security-policy")!, /script-src 'self';/);
  const body = await page.text();
  const sources = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!);
  assert.ok(sources.length >= 5);
  for (const source of sources) assert.equal((await get(source)).status, 200, source);
  assert.doesNotMatch(body, /<script(?! src)|style=|onclick/);
  assert.equal((await get("/docs/", html)).status, 200);
  assert.equal((await get("/docs/assets/package.json")).status, 404);
  const openApi = await (await get("/v2/openapi.json")).json();
  assert.equal(openApi.openapi, "3.1.1");
});

test("every code of the error registry has its entry, where problem documents point", async () => {
  const schema = await get("/docs/providers.schema.json", html);
  assert.match(schema.headers.get("content-type")!, /^application\/schema\+json/);
  assert.deepEqual(((await schema.json()) as { required: string[] }).required, ["providers"]);
  const page = await (await get("/docs/errors", html)).text();
  for (const code of Object.keys(errorKinds)) assert.ok(page.includes(`id="${code}"`), code);
});

test("allowed origins get CORS answers, others get none", async () => {
  const preflight = await fetch(`${gateway.url}/v2/chats`, {
    method: "OPTIONS",
    headers: { origin: app, "access-control-request-method": "POST" },
  });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, app]);
  assert.match(
    preflight.headers.get("access-control-allow-headers")!,
    /Authorization.*Connect-Protocol-Version/,
  );
  const answer = await get("/v2/users/me", { origin: app });
  assert.equal(answer.headers.get("access-control-allow-origin"), app);
  assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  assert.match(answer.headers.get("access-control-expose-headers")!, /Grpc-Status/i);
  for (const origin of ["https://evil.example", "null", `${app}.evil.example`]) {
    const refused = await get("/v2/users/me", { origin });
    assert.equal(refused.headers.get("access-control-allow-origin"), null, origin);
    assert.equal(refused.headers.get("vary"), "Origin");
  }
});

async function signIn(path: string, json: object, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(json),
  });
  return { status: response.status, cookie: response.headers.get("set-cookie") };
}

test("sign-in and refresh set the cookie when asked to, sign-out clears it", async () => {
  const credentials = { email: "a@example.org", password: "secret" };
  assert.equal((await signIn("/v2/auth/sign-in", credentials)).cookie, null);
  const attributes = "HttpOnly; SameSite=Strict; Path=/; Max-Age=600";
  const { cookie } = await signIn("/v2/auth/sign-in", { ...credentials, setCookie: true });
  assert.match(cookie!, new RegExp(`^parley_access=[\\w.-]+; ${attributes}$`));
  const refreshed = await signIn("/v2/auth/refresh", { refreshToken: "x", setCookie: true });
  assert.match(refreshed.cookie!, new RegExp(`^parley_access=[\\w.-]+; ${attributes}$`));
  const overHttps = { "x-forwarded-proto": "https" };
  const secure = await signIn("/v2/auth/sign-in", { ...credentials, setCookie: true }, overHttps);
  assert.match(secure.cookie!, /; Secure$/);
  const out = await signIn("/v2/auth/sign-out", {}, { authorization: `Bearer ${gateway.token}` });
  assert.equal(out.cookie, "parley_access=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
});

test("the client's address is taken from proxies that are trusted, and from them only", async () => {
  const seenFrom = async (forwarded: string, of: TestGateway) => {
    const headers = { authorization: `Bearer ${of.token}`, "x-forwarded-for": forwarded };
    await fetch(`${of.url}/v2/ws-tickets`, { method: "POST", headers });
    return of.seen.at(-1)!.headers.get("parley-client-address");
  };
  assert.equal(await seenFrom("203.0.113.7", gateway), "203.0.113.7");
  assert.equal(await seenFrom("198.51.100.1, 203.0.113.7, 10.1.2.3", gateway), "203.0.113.7");
  assert.equal(await seenFrom("nonsense, 10.1.2.3", gateway), "10.1.2.3");
  assert.equal(await seenFrom("203.0.113.7", await startGateway()), "127.0.0.1");
});

test("an upgrade to anything but a WebSocket is declined by an ordinary answer", async () => {
  const status = await new Promise((resolve, reject) => {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
    const request = httpRequest(`${gateway.url}/.well-known/jwks.json`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject).end();
  });
  assert.equal(status, 200);
});

test("settings that make no sense stop the start", async () => {
  await assert.rejects(
    startGateway({ config: { PARLEY_ALLOWED_ORIGINS: ["example.org"] } }),
    /not an origin/,
  );
  await assert.rejects(startGateway({ config: { PARLEY_TRUSTED_PROXIES: ["10.0.0.0/x"] } }), /neither/);
  await assert.rejects(startGateway({ config: { PARLEY_EXTERNAL_ISSUER: "x" } }), /go together/);
});

test("a stopped gateway has let go of its ports", async () => {
  const stopped = await startGateway();
  await stopped.gateway.stop();
  await assert.rejects(fetch(`${stopped.url}/docs`));
  await assert.rejects(fetch(`${stopped.grpcUrl}/`));
});
