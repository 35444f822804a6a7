/** The playbook: its syntax, its linter, and the files that it would write, looked into. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseEnv } from "node:util";
import { readConfig } from "../../server/src/config/config.ts";
import { run, programsTimeoutMs as timeout } from "./run.ts";
import { deploy, findTool, without } from "./tools.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-ansible-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const cwd = join(deploy, "ansible");
const env = {
  ANSIBLE_HOME: join(folder, "home"),
  ANSIBLE_LOCAL_TEMP: join(folder, "tmp"),
  NO_COLOR: "1",
  LC_ALL: "C.UTF-8",
};
const playbook = (args: string[]) => run(findTool("ansiblePlaybook")!, [...args, "site.yaml"], { cwd, env });

test("the syntax is right", { skip: without("ansiblePlaybook"), timeout }, async () => {
  const { code, output } = await playbook(["--syntax-check", "-i", "inventory.example.yaml"]);
  assert.equal(code, 0, output);
});

test("ansible-lint finds nothing", { skip: without("ansibleLint"), timeout }, async () => {
  const { code, output } = await run(
    findTool("ansibleLint")!,
    ["--offline", "-q", "--nocolor", "site.yaml"],
    {
      cwd,
      env,
    },
  );
  assert.equal(code, 0, output);
});

const secret = Buffer.alloc(32, 5).toString("base64");

const rabbitUrl = "amqp://parley:{{ parley_rabbitmq_password }}@10.0.0.12:5672";

const blobStore = "s3://parley/blobs?region=eu-central-1";

/** All hosts are this machine, each with a folder for its files. */
function writeInventory(hostsOfServices = 2): string {
  const groups = { databases: 1, caches: 1, services: hostsOfServices, gateways: 2, edges: 1 };
  const children = Object.entries(groups).map(([group, count], g) => {
    const hosts = Array.from({ length: count }, (_, i) => {
      const name = `${group}-${i + 1}`;
      const own = name === "services-2" ? { parley_amqp_url: rabbitUrl } : {};
      return [name, { parley_address: `10.0.${g}.${i + 1}`, parley_prefix: join(folder, name), ...own }];
    });
    return [group, { hosts: Object.fromEntries(hosts) }];
  });
  const vars = {
    ansible_connection: "local",
    ansible_python_interpreter: "{{ ansible_playbook_python }}",
    parley_become: false,
    parley_secret_key: secret,
    parley_service_token: secret,
    parley_database_password: "databasepassword",
    parley_redis_password: "redispassword",
    parley_rabbitmq_password: "rabbitmqpassword",
    parley_settings: { PARLEY_LOG_LEVEL: "warn" },
    parley_providers_file: join(deploy, "providers.json"),
    parley_provider_keys: { PROVIDER_KEY: "providerkey" },
    parley_blob_store: blobStore,
    parley_blob_store_keys: { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "blobkey" },
  };
  const path = join(folder, "inventory.json");
  writeFileSync(path, JSON.stringify({ all: { children: Object.fromEntries(children) } }));
  // As an operator does it, who then changes some of the settings.
  const groupVars = join(folder, "group_vars", "all");
  mkdirSync(groupVars, { recursive: true });
  copyFileSync(join(cwd, "settings.example.yaml"), join(groupVars, "settings.yaml"));
  writeFileSync(join(groupVars, "vault.json"), JSON.stringify(vars));
  return path;
}

test("a run writes files that Parley and systemd understand, and a second run changes nothing", {
  skip: without("ansiblePlaybook"),
  timeout,
}, async (t) => {
  const args = ["-i", writeInventory(), "--tags", "files", "--skip-tags", "podman"];
  const first = await playbook(args);
  assert.equal(first.code, 0, first.output);
  const second = await playbook(args);
  assert.equal(second.code, 0, second.output);
  assert.doesNotMatch(second.output, /changed=[1-9]/, "idempotent");

  await t.test("the settings", () => {
    const gateway = envFile("gateways-2", "gateway");
    assert.equal(gateway.PARLEY_IDENTITY_URL, "http://10.0.2.1:9091,http://10.0.2.2:9091");
    assert.equal(gateway.PARLEY_DISPATCH_URL, gateway.PARLEY_IDENTITY_URL);
    assert.equal(gateway.PARLEY_SEARCH_URL, gateway.PARLEY_IDENTITY_URL);
    assert.equal(gateway.PARLEY_BLOBS_URL, gateway.PARLEY_IDENTITY_URL);
    assert.ok(!("AWS_SECRET_ACCESS_KEY" in gateway));
    assert.equal(gateway.PARLEY_TRUSTED_PROXIES, "10.0.4.1");
    assert.ok(!("PROVIDER_KEY" in gateway));
    assert.ok(!("DATABASE_URL" in gateway) && !("PARLEY_SECRET_KEY" in gateway));
    readConfig(gateway);
    const services = envFile("services-1", "services");
    assert.equal(services.DATABASE_URL, "postgres://parley:databasepassword@10.0.0.1:5432/parley");
    assert.equal(services.PARLEY_LOG_LEVEL, "warn");
    assert.equal(services.PARLEY_ROLES, "identity,messenger,dispatch,search,blobs");
    assert.equal(services.PARLEY_BLOB_STORE, blobStore);
    assert.equal(services.AWS_SECRET_ACCESS_KEY, "blobkey");
    assert.ok(!("AMQP_URL" in services) && !("AMQP_URL" in gateway), "jobs are kept in the database");
    assert.equal(services.PROVIDER_KEY, "providerkey");
    assert.equal(services.PARLEY_PROVIDERS, "/etc/parley/providers.json");
    const written = readFileSync(join(folder, "services-1", services.PARLEY_PROVIDERS), "utf8");
    assert.equal(written, readFileSync(join(deploy, "providers.json"), "utf8"));
    readConfig(services);
    const withRabbit = envFile("services-2", "services");
    assert.equal(withRabbit.AMQP_URL, "amqp://parley:rabbitmqpassword@10.0.0.12:5672");
    readConfig(withRabbit);
  });

  await t.test("the units", () => {
    for (const host of readdirSync(folder).filter((name) => /-\d$/.test(name))) {
      const units = join(folder, host, "etc/containers/systemd");
      for (const unit of readdirSync(units))
        checkUnit(readFileSync(join(units, unit), "utf8"), `${host}: ${unit}`);
    }
    const unit = (host: string, name: string) =>
      readFileSync(join(folder, host, "etc/containers/systemd", name), "utf8");
    assert.match(unit("services-1", "parley-services.container"), /^Volume=parley-data:\/var\/lib\/parley$/m);
    assert.match(unit("gateways-1", "parley-gateway.container"), /^Tmpfs=\/var\/lib\/parley:/m);
    assert.match(unit("databases-1", "parley-postgres.container"), /max_connections=200$/m);
    const nginx = envFile("edges-1", "nginx");
    assert.equal(nginx.EDGE_HTTP_SERVERS?.trim(), "server 10.0.3.1:8080; server 10.0.3.2:8080;");
  });
});

test("several hosts of services need an object store, one does not", {
  skip: without("ansiblePlaybook"),
  timeout,
}, async () => {
  const playWith = (hosts: number) =>
    playbook([
      "-i",
      writeInventory(hosts),
      "--tags",
      "files",
      "--skip-tags",
      "podman",
      "-e",
      "parley_blob_store=",
      "--limit",
      "services",
    ]);
  const several = await playWith(2);
  assert.notEqual(several.code, 0);
  assert.match(several.output, /parley_blob_store must be set/);
  const one = await playWith(1);
  assert.equal(one.code, 0, one.output);
  const services = envFile("services-1", "services");
  assert.ok(!("PARLEY_BLOB_STORE" in services) && !("AWS_SECRET_ACCESS_KEY" in services));
  readConfig(services);
});

function envFile(host: string, name: string): Record<string, string> {
  const path = join(folder, host, "etc/parley", `${name}.env`);
  if (name !== "nginx") assert.equal(statSync(path).mode & 0o777, 0o600, "secrets are for root only");
  return parseEnv(readFileSync(path, "utf8")) as Record<string, string>;
}

function checkUnit(text: string, name: string): void {
  assert.doesNotMatch(text, /\{\{|\{%/, name);
  const sections = text.match(/^\[\w+\]$/gm);
  assert.deepEqual(sections, ["[Unit]", "[Container]", "[Service]", "[Install]"], name);
  for (const line of text.split("\n")) assert.match(line, /^(|#.*|\[\w+\]|[A-Z]\w+=.+)$/, name);
  assert.match(text, /^DropCapability=ALL$/m, name);
  assert.match(text, /^NoNewPrivileges=true$/m, name);
}
