/** The image, made step by step in a folder and started as its user on a tree that nobody can write to. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createTestDatabase } from "../../server/test/database.ts";
import { newPerson } from "../../server/test/people.ts";
import { buildImage, type Image } from "./image.ts";
import { eventually, freePorts, unprivileged } from "./ports.ts";
import { run, programsTimeoutMs as timeout } from "./run.ts";
import { deploy, findTool, without } from "./tools.ts";

const dockerfile = join(deploy, "Dockerfile");

test("hadolint finds nothing in the Dockerfile", { skip: without("hadolint") }, async () => {
  const { code, output } = await run(findTool("hadolint")!, [dockerfile]);
  assert.equal(code, 0, output);
});

test("the image holds what Parley needs, and runs as nobody in particular on a read-only tree", {
  timeout,
}, async (t) => {
  const DATABASE_URL = await reachableByAll((await createTestDatabase()).url);
  const work = mkdtempSync(join(tmpdir(), "parley-image-"));
  after(async () => {
    await run("chmod", ["-R", "u+w", work]);
    rmSync(work, { recursive: true, force: true });
  });
  chmodSync(work, 0o755);
  const image = await buildImage(dockerfile, work);
  assert.match(image.user, /^[1-9]\d*:[1-9]\d*$/, "a number, so that Kubernetes can tell it is not root");
  assert.equal(image.entrypoint[0], "node", "no shell and no npm between the signals and Parley");
  assert.ok(!existsSync(join(image.folder, "parley/server/src/platform/bus.test.ts")), "no tests");
  assert.ok(!existsSync(join(image.folder, "parley/node_modules/vite")), "no tools of development");
  const node = join(work, "node");
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  await run("chmod", ["-R", "a-w,a+rX", image.folder]);
  const dataDir = join(image.folder, "var/lib/parley");
  chmodSync(dataDir, 0o700);
  if (unprivileged.uid) chownSync(dataDir, unprivileged.uid, unprivileged.gid);

  const version = await inContainer(image, node, ["version"], {});
  assert.match(version.output, /^parley \d+\.\d+\.\d+ /);

  const [http, grpc, ops] = await freePorts(3);
  const environment = {
    DATABASE_URL,
    PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
    PARLEY_PORT: String(http),
    PARLEY_GRPC_PORT: String(grpc),
    PARLEY_OPS_PORT: String(ops),
  };
  const server = start(image, node, image.command, environment);
  t.after(() => server.child.kill("SIGKILL"));
  const url = `http://127.0.0.1:${http}`;
  const ready = async () => (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok || undefined;
  await eventually("it is ready", ready).catch(() =>
    assert.fail(`it is not ready; it said: ${server.output()}`),
  );
  const page = await fetch(url, { headers: { accept: "text/html" } });
  assert.match(await page.text(), /<script type="module"/, "the web client is in it");
  for (const path of ["/docs/", "/v2/openapi.json"])
    assert.equal((await fetch(url + path)).status, 200, path);
  const alice = await newPerson(url, "Alice");
  assert.ok(alice.id, "passwords are hashed by the module that was installed for it");
  const health = await inContainer(image, node, [], environment, image.healthCheck.slice(1));
  assert.equal(health.code, 0, health.output);

  server.child.kill("SIGTERM");
  const [code] = await once(server.child, "exit", { signal: AbortSignal.timeout(15_000) });
  assert.equal(code, 0, server.output());
  const unwell = await inContainer(image, node, [], environment, image.healthCheck.slice(1));
  assert.equal(unwell.code, 1, "what does not answer is not healthy");
});

/** The tests' own PostgreSQL listens on a socket in a folder that only its owner may enter. */
async function reachableByAll(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  const folder = url.searchParams.get("host");
  if (!folder?.startsWith("/")) return databaseUrl;
  const path = join(folder, `.s.PGSQL.${url.searchParams.get("port") ?? 5432}`);
  const forwarder = createServer((socket) => {
    const onward = createConnection(path);
    for (const end of [socket, onward])
      end.on("error", () => [socket, onward].forEach((one) => void one.destroy()));
    socket.pipe(onward).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(forwarder, "listening");
  after(() => forwarder.close());
  url.search = "";
  const { port } = forwarder.address() as { port: number };
  return url.href.replace(/@[^/]*\//, `@127.0.0.1:${port}/`);
}

function start(
  image: Image,
  node: string,
  args: string[],
  environment: Record<string, string>,
  own = image.entrypoint.slice(1),
) {
  const inImage = (text: string) => (text.startsWith("/") ? join(image.folder, text) : text);
  const env = {
    ...image.environment,
    PARLEY_HOST: "127.0.0.1",
    PARLEY_DATA_DIR: inImage(image.environment.PARLEY_DATA_DIR!),
    ...environment,
  };
  const child = spawn(node, [...own.map(inImage), ...args], {
    ...unprivileged,
    cwd: join(image.folder, "parley"),
    env: { ...env, PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  return { child, output: () => output };
}

async function inContainer(
  image: Image,
  node: string,
  args: string[],
  environment: Record<string, string>,
  own?: string[],
) {
  const { child, output } = start(image, node, args, environment, own);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output: output() };
}
