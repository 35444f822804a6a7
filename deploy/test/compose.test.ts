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
  const load = (file: string) => run(findTool("compose")!, [file], { cwd: deploy });
  const { code, output } = await load(`${path}.yaml`);
  assert.equal(code, 0, output);
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
  for (const name of ["messenger", "dispatch", "search", "blobs"]) {
    assert.ok(!secretsOf(name).includes("PARLEY_SECRET_KEY"), name);
    assert.ok(secretsOf(name).includes("DATABASE_URL"), name);
  }
  assert.ok(secretsOf("identity").includes("PARLEY_SECRET_KEY"));
  for (const name of ["gateway", "identity", "messenger", "dispatch", "search", "blobs"]) {
    assert.equal(secretsOf(name).includes("AMQP_URL"), ["messenger", "search"].includes(name), name);
    assert.equal(secretsOf(name).includes("AWS_SECRET_ACCESS_KEY"), name === "blobs", name);
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

test("search and messenger reach RabbitMQ by its name and password, and start without it", () => {
  const { search, messenger, rabbitmq } = compose.services;
  for (const user of [search, messenger]) {
    // What both have in the place of the password is put in from deploy/.env.
    const url = new URL(
      user.environment.AMQP_URL.replace(rabbitmq.environment.RABBITMQ_DEFAULT_PASS, "secret"),
    );
    assert.deepEqual([url.protocol, url.host, url.password], ["amqp:", "rabbitmq:5672", "secret"]);
    assert.equal(url.username, rabbitmq.environment.RABBITMQ_DEFAULT_USER);
    assert.ok(user.networks.some((network: string) => rabbitmq.networks.includes(network)));
    assert.ok(!("rabbitmq" in user.depends_on), "jobs wait in the database");
    assert.equal(user.deploy.replicas, 2);
  }
});

test("blobs reach the S3 store by its name and key, and find the bucket that is made for them", () => {
  const { blobs, s3, "s3-volume": preparation } = compose.services;
  const store = new URL(blobs.environment.PARLEY_BLOB_STORE);
  assert.equal(store.protocol, "s3:");
  const endpoint = new URL(store.searchParams.get("endpoint")!);
  assert.equal(endpoint.hostname, "s3");
  assert.ok(s3.command.includes(`:${endpoint.port}`));
  assert.equal(store.searchParams.get("pathStyle"), "true", "no DNS knows names of buckets");
  assert.equal(blobs.environment.AWS_ACCESS_KEY_ID, s3.environment.ROOT_ACCESS_KEY_ID);
  assert.equal(blobs.environment.AWS_SECRET_ACCESS_KEY, s3.environment.ROOT_SECRET_ACCESS_KEY);
  assert.ok(blobs.networks.some((network: string) => s3.networks.includes(network)));
  assert.equal(s3.command.at(-2), "posix");
  const bucket = `${s3.command.at(-1)}/${store.hostname}`;
  assert.match(
    preparation.entrypoint.at(-1),
    new RegExp(`^mkdir -p ${bucket} && chown ${s3.user} .* ${bucket}$`),
  );
  assert.deepEqual(preparation.volumes, s3.volumes);
  assert.equal(s3.depends_on["s3-volume"].condition, "service_completed_successfully");
  assert.equal(
    blobs.depends_on.s3.condition,
    "service_started",
    "a store that is away keeps nobody from starting",
  );
  assert.equal(blobs.deploy.replicas, 2);
});

test("nothing waits for a profile to be started", () => {
  for (const [name, { profiles }] of services) assert.equal(profiles, undefined, name);
});
