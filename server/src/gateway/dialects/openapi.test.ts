import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { dialectDocument } from "#gateway/dialects/openapi.ts";
import { type DialectName, dialectNames } from "#gateway/dialects/versions.ts";
import { describedDialects, routesOf } from "#test/dialects.ts";
import { startGateway } from "#test/gateway.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
const documentOf = (name: DialectName): any => dialectDocument(describedDialects.get(name)!);

const operationsOf = (name: DialectName) =>
  Object.entries<object>(documentOf(name).paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([key]) => key !== "parameters")
      .map(([method, operation]) => ({ called: `${method.toUpperCase()} ${path}`, operation })),
  );

for (const name of dialectNames) {
  test(`${name}: its description is valid OpenAPI 3.1, and refers to nothing that is not there`, async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(documentOf(name)));
    assert.deepEqual(result.errors ?? [], []);
    assert.equal(validator.version, "3.1");
    validator.resolveRefs();
  });

  test(`${name}: it describes every route, and no other`, () => {
    assert.ok(routesOf(name).length > 0);
    assert.deepEqual(
      operationsOf(name)
        .map((one) => one.called)
        .sort(),
      routesOf(name),
    );
  });

  test(`${name}: every operation is deprecated, says until when it is served, and what it answers`, () => {
    for (const { called, operation } of operationsOf(name)) {
      assert.equal(operation.deprecated, true, called);
      assert.match(operation["x-sunset"], /^\d{4}-\d\d-\d\d$/, called);
      assert.ok(operation.summary, `${called} has no summary`);
      assert.ok(Object.keys(operation.responses ?? {}).length > 0, `${called} has no responses`);
    }
  });
}

test("documents are served of those dialects that are on, and old pages lead to them", async () => {
  const { url } = await startGateway({ config: { PARLEY_DIALECTS: ["kv", "messenger-v1"] } });
  const on = await fetch(`${url}/docs/dialects/messenger-v1.json`);
  const expected = JSON.parse(JSON.stringify(documentOf("messenger-v1")));
  assert.deepEqual([on.status, await on.json()], [200, expected]);
  assert.equal((await fetch(`${url}/docs/dialects/social.json`)).status, 404);
  for (const path of ["/swagger", "/swagger/"])
    assert.equal((await fetch(url + path)).url, `${url}/swagger/index.html`);
  const list = (script: string) => [...script.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(list(await (await fetch(`${url}/swagger/start.js`)).text()), ["messenger-v1", "kv"]);
  assert.deepEqual(list(await (await fetch(`${url}/docs/start.js`)).text()), ["v2", "messenger-v1", "kv"]);
  const page = await fetch(`${url}/swagger/index.html`);
  assert.match(page.headers.get("content-security-policy")!, /script-src 'self';/);
  for (const [, source = ""] of (await page.text()).matchAll(/(?:src|href)="([^"]+)"/g))
    assert.equal((await fetch(url + source)).status, 200, source);
});

test("without dialects there is no page of theirs, also for a browser", async () => {
  const { url } = await startGateway({ config: { PARLEY_DIALECTS: [] } });
  for (const path of ["/swagger/index.html", "/swagger/", "/swagger/start.js", "/docs/dialects/kv.json"])
    assert.equal((await fetch(url + path, { headers: { accept: "text/html" } })).status, 404, path);
  const start = await (await fetch(`${url}/docs/start.js`)).text();
  assert.match(start, /urls: \[\{"url":"\/v2\/openapi.json","name":"v2"\}\]/);
});
