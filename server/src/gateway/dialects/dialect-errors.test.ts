/** Requests for which an old API has no route: paths, methods, and sockets that are asked for without an upgrade. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { DialectName } from "#gateway/dialects/versions.ts";
import { describedDialects } from "#test/dialects.ts";
import { startGateway } from "#test/gateway.ts";

const webRoot = mkdtempSync(join(tmpdir(), "parley-web-"));
after(() => rmSync(webRoot, { recursive: true }));
writeFileSync(join(webRoot, "index.html"), "<!doctype html><title>Web client</title>");
const { url } = await startGateway({ webRoot });
const html = { accept: "text/html" };

interface Asked extends RequestInit {
  at?: string;
}

async function ask(called: string, { at = url, ...init }: Asked = {}) {
  const [method = "GET", path = "/"] = called.split(" ");
  const response = await fetch(at + path, { method, ...init });
  // biome-ignore lint/suspicious/noExplicitAny: whatever is answered
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

/** What each tells of a status. */
const shapes: Record<DialectName, (status: 404 | 405) => unknown> = {
  "messenger-v1": (status) => ({ message: status === 404 ? "route-not-found" : "method-not-allowed" }),
  social: (status) => ({ code: status, message: titles[status] }),
  kv: (status) => ({ msg: titles[status] }),
  octo: (status) => ({ detail: status === 404 ? "Not Found" : "Method Not Allowed" }),
  lab: (status) => ({
    type: `/docs/errors#${status === 404 ? "route-not-found" : "method-not-allowed"}`,
    title: titles[status],
    status,
    detail: titles[status],
  }),
};

const titles = { 404: "There is no such route or method", 405: "The route has no such method" };

describe("a path that no route has", () => {
  for (const [name, paths] of [
    ["messenger-v1", ["/v1", "/v1/", "/v1/nothing?limit=1", "/v1/chats/a/b/c", "/ping/", "/ping_db/x"]],
    ["social", ["/messenger", "/messenger/nothing", "/messenger/chats/", "/auth/user/x", "/auth/token/"]],
    ["kv", ["/put/key"]],
    ["octo", ["/users", "/users/7", "/welcome/you", "/auth/register/", "/free_provider/x"]],
    ["lab", ["/user/7", "/user/", "/auth_check/"]],
  ] as const) {
    it(`is answered as ${name} answers, when it is certainly its path`, async () => {
      for (const path of paths) {
        for (const method of ["GET", "POST", "DELETE", "PUT", "PATCH"]) {
          const sent = method === "GET" ? { headers: html } : { body: "x".repeat(2_000_000) };
          const { status, headers, body } = await ask(`${method} ${path}`, sent);
          assert.deepEqual([status, body], [404, shapes[name](404)], `${method} ${path}`);
          assert.ok(headers.get("deprecation") && headers.get("sunset"), path);
          assert.equal(headers.get("link"), `</docs/dialects/${name}.json>; rel="service-desc"`);
          assert.equal(headers.get("cache-control"), "no-store");
        }
      }
    });
  }

  it("is answered as v2 answers when it may be anybody's, or nobody's", async () => {
    for (const path of [
      "/auth/",
      "/auth/nothing",
      "/v10",
      "/pingpong",
      "/usersx",
      "/messengers",
      "/v2/users/me/x",
    ]) {
      const { status, headers, body } = await ask(`GET ${path}`);
      assert.deepEqual([status, body.code], [404, "route-not-found"], path);
      assert.match(headers.get("content-type")!, /^application\/problem\+json/);
      assert.equal(headers.get("deprecation"), null);
    }
  });

  it("is nobody's when its API is off, whichever others are on", async () => {
    const { url: at } = await startGateway({ config: { PARLEY_DIALECTS: ["social"] } });
    for (const path of [
      "/v1/nothing",
      "/users/7",
      "/auth/register",
      "/auth/nothing",
      "/user/7",
      "/put/key",
    ]) {
      for (const method of ["GET", "POST"]) {
        const { status, body, headers } = await ask(`${method} ${path}`, { at });
        assert.deepEqual([status, body.code], [404, "route-not-found"], path);
        assert.equal(headers.get("deprecation"), null);
      }
    }
    assert.deepEqual((await ask("GET /messenger/nothing", { at })).body, shapes.social(404));
  });

  it("that cannot be read is answered in the same way", async () => {
    const { status, headers, body } = await ask("GET /messenger/%ff");
    assert.deepEqual([status, body.code, Object.keys(body)], [400, 400, ["code", "message"]]);
    assert.ok(headers.get("deprecation"));
    assert.equal((await ask("GET /auth/%ff")).body.code, "malformed-request");
  });
});

describe("a method that a route has not", () => {
  for (const { name, routes, sockets = [] } of describedDialects.values()) {
    it(`is answered as ${name} answers`, async () => {
      const known = [...routes, ...sockets.map(({ path }) => ({ template: path, method: "GET" }))];
      for (const { template } of known) {
        const methods = known.filter((one) => one.template === template).map(({ method }) => String(method));
        for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter(
          (one) => !methods.includes(one),
        )) {
          const called = `${method} ${template.replaceAll(/\{\w+\}/g, "x")}`;
          const { status, headers, body } = await ask(called);
          assert.deepEqual([status, body], [405, shapes[name](405)], called);
          assert.match(headers.get("link")!, /^<\/.*successor-version/);
          assert.ok(headers.get("deprecation"), called);
          for (const one of methods) assert.ok(headers.get("allow")!.includes(one), called);
        }
      }
    });
  }
});

it("a socket that is asked for without an upgrade is refused in the old shape", async () => {
  for (const headers of [{}, html]) {
    const { status, headers: told, body } = await ask("GET /messenger/ws?token=x", { headers });
    assert.deepEqual([status, body.code, Object.keys(body)], [400, 400, ["code", "message"]]);
    assert.match(told.get("link")!, /^<\/v2\/ws>; rel="successor-version"/);
  }
});

it("each path belongs to one API", () => {
  const isBelow = (path: string, base: string) => path === base || path.startsWith(`${base}/`);
  const all = [...describedDialects.values()];
  for (const { name, basePaths, routes, sockets = [] } of all) {
    const paths = [...routes.map(({ template }) => template), ...sockets.map(({ path }) => path)];
    for (const path of paths) {
      // With other APIs' paths below it.
      if (path !== "/auth")
        assert.ok(
          basePaths.some((base) => isBelow(path, base)),
          path,
        );
      for (const other of all.filter((one) => one.name !== name))
        assert.ok(
          !other.basePaths.some((base) => isBelow(path, base)),
          `${path} of ${name} is ${other.name}'s`,
        );
    }
  }
});
