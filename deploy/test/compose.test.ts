/** compose.yaml, by the loader of Docker Compose itself, and what no loader checks. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { type Manifest, readText, readYaml } from "./files.ts";
import { run } from "./run.ts";
import { deploy, findTool, without } from "./tools.ts";

async function makeSecrets(t: { after(done: () => void): void }) {
  const folder = mkdtempSync(join(tmpdir(), "parley-secrets-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const make = () => run("sh", [join(deploy, "make-secrets.sh"), folder]);
  const { code, output } = await make();
  assert.equal(code, 0, output);
  const path = join(folder, ".env");
  return { make, path, text: readFileSync(path, "utf8") };
}

test("make-secrets.sh makes them once, for its owner only", async (t) => {
  const { make, path, text } = await makeSecrets(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const secrets = parseEnv(text);
  assert.equal(Buffer.from(secrets.PARLEY_SECRET_KEY!, "base64").length, 32);
  assert.equal(Buffer.from(secrets.PARLEY_SERVICE_TOKEN!, "base64").length, 32);
  assert.equal(new Set(Object.values(secrets)).size, Object.keys(secrets).length);
  assert.equal((await make()).code, 1, "an existing file is kept");
  assert.equal(readFileSync(path, "utf8"), text);
  const example = parseEnv(readText(".env.example"));
  assert.deepEqual(Object.keys(example).sort(), Object.keys(secrets).sort());
});

test("Compose's loader accepts compose.yaml, and demands every secret", {
  skip: without("compose"),
}, async (t) => {
  const { path, text } = await makeSecrets(t);
  const secrets = parseEnv(text);
  // The loader's own command line hands it no variables, so they are put in here.
  const filled = readText("compose.yaml").replace(
    /\$\{(\w+):([?-])([^}]*)\}/g,
    (_, name: string, kind: string, rest: string) =>
      secrets[name] ?? (kind === "-" ? rest : `\${${name}:?none}`),
  );
  writeFileSync(`${path}.yaml`, filled);
  const load = (file: string) =>
    run(findTool("compose")!, [file], { cwd: deploy, env: { COMPOSE_PROFILES: "next" } });
  const { code, output } = await load(`${path}.yaml`);
  assert.equal(code, 0, output);
  assert.match(output, /^\s+s3:$/m, "all profiles were read");
  const without = await load("compose.yaml");
  assert.notEqual(without.code, 0);
  for (const name of Object.keys(secrets)) assert.match(without.output, new RegExp(`${name} is missing`));
});

const [compose] = readYaml("compose.yaml");
const services = Object.entries(compose.services) as [string, Manifest][];

test("every container is bounded, unprivileged, and answers for its health", () => {
  for (const [name, service] of services) {
    assert.deepEqual(service.cap_drop, ["ALL"], name);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
    assert.doesNotMatch(service.image, /:latest$/, name === "gateway" ? "" : name);
    if (name === "s3-volume") continue;
    assert.ok(service.deploy.resources.limits.memory, `${name} has a memory limit`);
    if (!["postgres", "rabbitmq"].includes(name)) assert.equal(service.read_only, true, name);
  }
});

test("only nginx and, on this machine, Grafana are published", () => {
  const published = services.flatMap(([name, { ports = [] }]) => (ports.length > 0 ? [name] : []));
  assert.deepEqual(published, ["nginx", "grafana"]);
  assert.match(compose.services.grafana.ports[0], /^127\.0\.0\.1:/);
  for (const name of ["services", "data", "telemetry"]) assert.equal(compose.networks[name].internal, true);
  assert.deepEqual(Object.keys(compose.services.nginx.networks), ["edge"]);
});

test("every file that is mounted exists, and who is waited for has a health check", () => {
  for (const [name, { volumes = [], depends_on = {}, networks = [] }] of services) {
    for (const volume of volumes as string[]) {
      const [source = ""] = volume.split(":");
      const there = source.startsWith(".") ? existsSync(join(deploy, source)) : source in compose.volumes;
      assert.ok(there, `${name} mounts ${source}`);
    }
    for (const [other, { condition }] of Object.entries(depends_on) as [string, Manifest][]) {
      const awaited = compose.services[other];
      assert.ok(awaited, `${name} waits for ${other}`);
      if (condition === "service_healthy") assert.ok(awaited.healthcheck ?? awaited.build, other);
    }
    const joined = Array.isArray(networks) ? networks : Object.keys(networks);
    for (const network of joined) assert.ok(network in compose.networks, `${name} is in ${network}`);
  }
});

test("each role gets the secrets that it needs, and no other", () => {
  const secretsOf = (name: string) =>
    Object.keys(compose.services[name].environment).filter((key) => /SECRET|TOKEN|_URL$/.test(key));
  assert.ok(!secretsOf("gateway").includes("DATABASE_URL"));
  assert.ok(!secretsOf("gateway").includes("PARLEY_SECRET_KEY"));
  for (const name of ["messenger", "dispatch", "search"]) {
    assert.ok(!secretsOf(name).includes("PARLEY_SECRET_KEY"), name);
    assert.ok(secretsOf(name).includes("DATABASE_URL"), name);
  }
  assert.ok(secretsOf("identity").includes("PARLEY_SECRET_KEY"));
  for (const name of ["gateway", "identity", "messenger", "dispatch", "search"]) {
    assert.equal(secretsOf(name).includes("AMQP_URL"), name === "search", name);
    for (const key of ["PARLEY_SERVICE_TOKEN", "REDIS_URL"]) assert.ok(secretsOf(name).includes(key), name);
    assert.equal("PROVIDER_KEY" in compose.services[name].environment, name === "dispatch");
  }
});

test("dispatch alone reaches the providers, and those reach nothing of Parley's", () => {
  const members = services.flatMap(([name, { networks = [] }]) =>
    (Array.isArray(networks) ? networks : Object.keys(networks)).includes("providers") ? [name] : [],
  );
  assert.deepEqual(members, ["dispatch", "provider-free", "provider-paid"]);
  const { providers, allowPrivateHosts } = JSON.parse(readText("providers.json"));
  for (const { url } of providers as { url: string }[]) {
    const { hostname } = new URL(url);
    assert.deepEqual(compose.services[hostname].networks, ["providers"], url);
    assert.ok(allowPrivateHosts.includes(hostname), url);
    assert.equal(compose.services[hostname].environment, undefined, "they hold no secrets");
  }
  const { volumes, environment } = compose.services.dispatch;
  assert.deepEqual(volumes, [`./providers.json:${environment.PARLEY_PROVIDERS}:ro`]);
});

test("search reaches RabbitMQ by its name and password, and starts without it", () => {
  const { search, rabbitmq } = compose.services;
  assert.equal(rabbitmq.profiles, undefined);
  // What both have in the place of the password is put in from deploy/.env.
  const url = new URL(
    search.environment.AMQP_URL.replace(rabbitmq.environment.RABBITMQ_DEFAULT_PASS, "secret"),
  );
  assert.deepEqual([url.protocol, url.host, url.password], ["amqp:", "rabbitmq:5672", "secret"]);
  assert.equal(url.username, rabbitmq.environment.RABBITMQ_DEFAULT_USER);
  assert.ok(search.networks.some((network: string) => rabbitmq.networks.includes(network)));
  assert.ok(!("rabbitmq" in search.depends_on), "jobs wait in the database");
  assert.equal(search.deploy.replicas, 2);
});
