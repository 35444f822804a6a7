/**
 * A cluster of two gateways, two messengers, one identity and one dispatch, as real processes, to which everything happens while
 * people talk: processes are killed, frozen, slowed and restarted, Redis and PostgreSQL go away, a clock is wrong.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbeddedPostgres } from "#platform/embedded-postgres.ts";
import { createLog } from "#platform/log.ts";
import { startCluster } from "#test/cluster.ts";
import { startConversation } from "#test/conversation.ts";
import { keepCalling, untilAnswered } from "#test/patient-calls.ts";
import { newPerson, signedIn } from "#test/people.ts";
import { withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const options = { skip: withoutRedis };
const dataDir = await mkdtemp(join(tmpdir(), "parley-trouble-"));
const postgres = await startEmbeddedPostgres({ dataDir, log: createLog("silent") });
after(async () => {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const hourMs = 3_600_000;
/** Every use of the machine's clock in that process is an hour ahead. */
const hourAhead = `data:text/javascript,const now=Date.now,D=Date;Date.now=()=>now()+${hourMs};globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(Date.now())}}`;

const cluster = withoutRedis
  ? undefined
  : await startCluster({
      databaseUrl: postgres.connectionString,
      settings: {
        // Short, so that a call to a frozen process ends within the test's patience.
        PARLEY_CALL_TIMEOUT_MS: "4000",
        PARLEY_POSITION_CHECK_SECONDS: "2",
        // People talk as fast as the machine lets them, also while a gateway is away for some seconds.
        PARLEY_RESUME_MAX_EVENTS: "10000",
      },
      nodeOptionsOf: (name) => (name === "gateway-2" ? ["--import", hourAhead] : []),
    });
const [firstGateway, secondGateway] = cluster?.gateways ?? [];
const [firstMessenger, secondMessenger] = cluster?.messengers ?? [];
const [identity] = cluster?.identities ?? [];
const talk = () => startConversation([firstGateway!.url, secondGateway!.url]);

test("a gateway whose clock is an hour ahead serves as the other does", options, async () => {
  const conversation = await talk();
  await conversation.progress(50);
  await conversation.end();
  await conversation.verify();
});

for (const pod of cluster?.pods ?? []) {
  test(
    `kill -9 of ${pod.name} under load loses nothing, and its successor is taken up`,
    options,
    async () => {
      const conversation = await talk();
      await conversation.progress(100);
      await pod.end("SIGKILL");
      await delay(300);
      await pod.start();
      await conversation.progress(100);
      await conversation.end();
      await conversation.verify();
    },
  );
}

test("without one of two messengers everything goes on", options, async () => {
  const conversation = await talk();
  await conversation.progress(50);
  await firstMessenger!.end("SIGKILL");
  await conversation.progress(200);
  await secondMessenger!.end("SIGKILL");
  await firstMessenger!.start();
  await conversation.progress(100);
  await secondMessenger!.start();
  await conversation.end();
  await conversation.verify();
});

test("without identity whoever is signed in goes on", options, async () => {
  const conversation = await talk();
  await conversation.progress(50);
  await identity!.end("SIGKILL");
  await conversation.progress(200);
  await assert.rejects(signedIn(firstGateway!.url, conversation.people[0]!.email));
  await identity!.start();
  await untilAnswered(() => signedIn(firstGateway!.url, conversation.people[0]!.email));
  await conversation.end();
  await conversation.verify();
});

test(
  "with identity frozen whoever is signed in goes on, and signing in is answered in time",
  options,
  async () => {
    const conversation = await talk();
    await conversation.progress(50);
    identity!.signal("SIGSTOP");
    const startedAtMs = performance.now();
    await assert.rejects(
      signedIn(firstGateway!.url, conversation.people[0]!.email),
      ({ status }: { status: number }) => status >= 503,
    );
    // The deadline of a call, and whatever a busy machine adds.
    assert.ok(performance.now() - startedAtMs < 10_000, "answered too late");
    await conversation.progress(100);
    identity!.signal("SIGCONT");
    await untilAnswered(() => signedIn(firstGateway!.url, conversation.people[0]!.email));
    await conversation.end();
    await conversation.verify();
  },
);

test(
  "users of a gateway that dies are offline to others before long, and online when they are back",
  options,
  async () => {
    const [gone, watcher] = await Promise.all([
      newPerson(firstGateway!.url, "Gone"),
      newPerson(secondGateway!.url, "Watcher"),
    ]);
    await Promise.all([gone.client.connect(), watcher.client.connect()]);
    // Presence is for people who share a chat.
    await watcher.client.createChat({ kind: "direct", memberIds: [gone.id] });
    let isOnline: boolean | undefined;
    watcher.client.on("presence", ({ userId, online }) => {
      if (userId === gone.id) isOnline = online;
    });
    const [known] = await watcher.client.watchPresence([gone.id]);
    isOnline ??= known?.online;
    await until("online at first", () => isOnline === true, 10_000);
    await firstGateway!.end("SIGKILL");
    await until("offline", () => isOnline === false, 25_000);
    await firstGateway!.start();
    await until("online again", () => isOnline === true, 30_000);
  },
);

test("a messenger that hangs costs a moment, not the service", options, async () => {
  const conversation = await talk();
  await conversation.progress(50);
  firstMessenger!.signal("SIGSTOP");
  await conversation.progress(200);
  firstMessenger!.signal("SIGCONT");
  await conversation.progress(100);
  await conversation.end();
  await conversation.verify();
});

test(
  "with all messengers hung, calls to them end and other services are not touched; all heals by itself",
  options,
  async () => {
    const conversation = await talk();
    await conversation.progress(50);
    const [{ client }] = conversation.people as [(typeof conversation.people)[number]];
    for (const pod of cluster!.messengers) pod.signal("SIGSTOP");
    await assert.rejects(client.call("MessengerService/GetChat", { chatId: conversation.chatId }));
    assert.ok(await client.call("UserService/GetMe", {}));
    for (const pod of cluster!.messengers) pod.signal("SIGCONT");
    await conversation.progress(200, 60_000);
    await conversation.end();
    await conversation.verify();
  },
);

test("with dispatch hung, calls to it end, chats go on, and it heals by itself", options, async () => {
  const conversation = await talk();
  const [{ client }] = conversation.people as [(typeof conversation.people)[number]];
  const codeOfProcess = () =>
    client.call("ProcessService/Process", { text: "x" }).then(
      () => "ok",
      ({ code }: { code: string }) => code,
    );
  const away = ["timeout", "unavailable", "circuit-open"];
  await until("it answers", async () => !away.includes(await codeOfProcess()));
  for (const pod of cluster!.dispatchers) pod.signal("SIGSTOP");
  try {
    for (let i = 0; i < 3; i++) assert.ok(away.includes(await codeOfProcess()));
    await conversation.progress(50);
  } finally {
    for (const pod of cluster!.dispatchers) pod.signal("SIGCONT");
  }
  await until("it answers again", async () => !away.includes(await codeOfProcess()), 30_000);
  await conversation.end();
  await conversation.verify();
});

test("Redis killed, started again, flushed: nothing is lost or doubled", options, async () => {
  const { redis } = cluster!;
  const conversation = await talk();
  await conversation.progress(100);
  await redis.kill();
  await conversation.progress(200);
  await redis.start();
  await conversation.progress(100);
  for (let i = 0; i < 10; i++) {
    assert.equal(await redis.command("FLUSHALL"), "+OK");
    await conversation.progress(10);
  }
  await conversation.end();
  await conversation.verify();
});

test("a Redis that hangs slows nobody down for long", options, async () => {
  const { redis } = cluster!;
  const conversation = await talk();
  await conversation.progress(50);
  process.kill(redis.pid, "SIGSTOP");
  await conversation.progress(200);
  process.kill(redis.pid, "SIGCONT");
  await conversation.progress(50);
  await conversation.end();
  await conversation.verify();
});

// SIGINT is PostgreSQL's own fast shutdown, as a restart by an operator begins.
for (const [signal, what] of [
  ["SIGKILL", "kill -9"],
  ["SIGINT", "a restart"],
] as const) {
  test(
    `${what} of PostgreSQL under load: no false acknowledgement, and all processes recover`,
    options,
    async () => {
      const conversation = await talk();
      await conversation.progress(100);
      process.kill(await postmaster(), signal);
      await delay(500);
      await conversation.progress(200, 60_000);
      await conversation.end();
      await conversation.verify();
    },
  );
}

test("a PostgreSQL that hangs, and goes on: no false acknowledgement", options, async () => {
  const conversation = await talk();
  await conversation.progress(100);
  const processes = await postgresProcesses();
  for (const pid of processes) process.kill(pid, "SIGSTOP");
  const [{ client }] = conversation.people as [(typeof conversation.people)[number]];
  await assert.rejects(client.call("MessengerService/GetChat", { chatId: conversation.chatId }));
  for (const pid of processes) process.kill(pid, "SIGCONT");
  await conversation.progress(100, 60_000);
  await conversation.end();
  await conversation.verify();
});

test(
  "a rolling restart of all pods under load loses nothing, fails no retried call, and each ends within 10 s",
  options,
  async () => {
    const conversation = await talk();
    const [{ client }] = conversation.people as [(typeof conversation.people)[number]];
    const calls = keepCalling(() => client.getChat(conversation.chatId));
    await conversation.progress(100);
    for (const pod of cluster!.pods) {
      const startedAtMs = performance.now();
      const code = await Promise.race([pod.end("SIGTERM"), delay(20_000, "none, after 20 s")]);
      assert.equal(code, 0, `${pod.name} ends by itself:\n${cluster!.outputOf(pod.name)}`);
      assert.ok(performance.now() - startedAtMs < 10_000, `${pod.name} ended too late`);
      await pod.start();
      await conversation.progress(50);
    }
    const { made, failed } = await calls.stop();
    assert.ok(made > 20);
    assert.deepEqual(failed, []);
    await conversation.end();
    await conversation.verify();
  },
);

async function postmaster(): Promise<number> {
  const pidFile = await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8");
  return Number(pidFile.split("\n")[0]);
}

/** The one that listens, and those that serve a connection each. */
async function postgresProcesses(): Promise<number[]> {
  const parent = await postmaster();
  const children = execFileSync("ps", ["-o", "pid=", "--ppid", String(parent)], { encoding: "utf8" });
  return [parent, ...children.trim().split(/\s+/).map(Number)];
}
