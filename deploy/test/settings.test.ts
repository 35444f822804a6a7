/** What deploy/ says about Parley must be what Parley knows: its settings and its ports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allSettings, readConfig } from "../../server/src/config/config.ts";
import { roleNames } from "../../server/src/config/roles.ts";
import { type Manifest, manifests, readText, readYaml, shippedFiles } from "./files.ts";

/** Names of compose.yaml's own, which never reach Parley. */
const notParleys = new Set(["PARLEY_IMAGE"]);

test("every PARLEY_ variable that deploy/ sets is a setting of Parley", () => {
  for (const path of shippedFiles()) {
    const names = new Set(readText(path).match(/\bPARLEY_[A-Z0-9_]+\b/g) ?? []);
    for (const name of names) {
      if (notParleys.has(name)) continue;
      assert.ok(name in allSettings, `deploy/${path} has ${name}, which would stop the start`);
    }
  }
});

test("all ways of running Parley use its default ports", () => {
  const defaults = ["PARLEY_PORT", "PARLEY_GRPC_PORT", "PARLEY_SERVICE_PORT", "PARLEY_OPS_PORT"].map((name) =>
    Number(allSettings[name]?.default),
  );
  assert.deepEqual(defaults, [8080, 9090, 9091, 9464]);
  assert.match(readText("Dockerfile"), /^EXPOSE 8080 9090 9091 9464$/m);
  const known = new Set([...defaults]);
  for (const { spec } of manifests().filter(({ kind }) => kind === "Deployment")) {
    for (const { containerPort } of spec.template.spec.containers[0].ports) {
      assert.ok(known.has(containerPort), `port ${containerPort}`);
    }
  }
  const [compose] = readYaml("compose.yaml");
  assert.equal(compose.services.gateway.environment.PARLEY_IDENTITY_URL, "http://identity:9091");
  assert.equal(compose.services.gateway.environment.PARLEY_MESSENGER_URL, "http://messenger:9091");
  for (const name of ["gateway", "messenger"]) {
    assert.equal(compose.services[name].environment.PARLEY_DISPATCH_URL, "http://dispatch:9091");
    assert.equal(compose.services[name].environment.PARLEY_BLOBS_URL, "http://blobs:9091");
  }
  assert.equal(compose.services.gateway.environment.PARLEY_SEARCH_URL, "http://search:9091");
  for (const name of ["PARLEY_IDENTITY_URL", "PARLEY_MESSENGER_URL"]) {
    const { gateway, search } = compose.services;
    assert.equal(search.environment[name], gateway.environment[name]);
  }
});

test("each role of compose.yaml starts with what it is given", () => {
  const [compose] = readYaml("compose.yaml");
  const secret = Buffer.alloc(32, 7).toString("base64");
  const roles = new Set<string>();
  for (const { environment = {} } of Object.values(compose.services) as Manifest[]) {
    if (!environment.PARLEY_ROLES) continue;
    roles.add(environment.PARLEY_ROLES);
    const filled = Object.entries<string>(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-([^}]*)\}/g, "$1").replace(/\$\{\w+:\?[^}]*\}/g, secret.replace(/\W/g, "x")),
    ]);
    readConfig(Object.fromEntries(filled));
  }
  assert.deepEqual([...roles].sort(), [...roleNames].sort());
});
