import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { after, describe, it } from "node:test";
import { pino } from "pino";
import { slotOf } from "#platform/redis/cluster-slots.ts";
import {
  type OpenRedis,
  openRedis,
  RedisAwayError,
  RedisRefusedError,
  redisScript,
} from "#platform/redis.ts";
import { startRedisCluster, untilUp } from "#test/redis-cluster.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

/** Unless a test is about it, none comes to its deadline because the machine is busy. */
const ampleTimeoutMs = 20_000;

function openTest(url: string, commandTimeoutMs = ampleTimeoutMs) {
  const lines: { level: number; msg: string; [field: string]: unknown }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const redis = openRedis({ url, log, commandTimeoutMs });
  after(() => redis.stop());
  const said = (part: string) => lines.filter(({ msg }) => msg.includes(part)).length;
  return { redis, lines, said };
}

async function opened(url: string, commandTimeoutMs?: number) {
  const test = openTest(url, commandTimeoutMs);
  await test.redis.untilReady();
  return test;
}

const hear = (redis: OpenRedis, channel: string) => {
  const heard: string[] = [];
  const subscribed = redis.subscribe(channel, (payload) => heard.push(payload.toString()));
  return { heard, subscribed };
};

const script = redisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
const isAway = (error: unknown) => error instanceof RedisAwayError && error.code === "redis-away";

for (const shape of ["one server", "cluster"] as const) {
  describe(`Redis as ${shape}`, { skip: withoutRedis }, async () => {
    if (withoutRedis) return;
    const cluster = shape === "cluster" ? await startRedisCluster() : undefined;
    const servers = cluster?.nodes ?? [await startRedis()];
    const url = servers[0]!.url;
    const channels = Array.from({ length: 30 }, (_, i) => `parley:test:{c${i}}`);

    it("answers commands on all keys, and runs scripts that it does not know yet", async () => {
      const { redis } = await opened(url);
      for (let i = 0; i < 50; i++) {
        const key = `parley:test:{${i}}`;
        assert.equal(await redis.command(key, ["SET", key, String(i)]), "OK");
        assert.equal(await redis.command(key, ["GET", key]), String(i));
      }
      for (const server of servers) await server.command("SCRIPT FLUSH");
      const keys = Array.from({ length: 20 }, (_, i) => `parley:count:{${i}}`);
      for (const n of [1, 2]) {
        const answers = await Promise.all(keys.map((key) => redis.run(script, [key], ["x"])));
        assert.deepEqual(
          answers,
          keys.map((key) => [key, "x", n]),
        );
      }
      await assert.rejects(redis.command("k", ["NONSENSE"]), /unknown command/);
    });

    it("carries what is published to subscribers of other connections, in order and as it was", async () => {
      const [one, two] = [(await opened(url)).redis, (await opened(url)).redis];
      const heard = new Map(channels.map((channel) => [channel, [] as Buffer[]]));
      const offs = await Promise.all(
        channels.map((channel) => two.subscribe(channel, (payload) => heard.get(channel)!.push(payload))),
      );
      const payloads = Array.from({ length: 100 }, (_, i) => Buffer.from([0, 255, i, 13, 10]));
      await Promise.all(
        payloads.flatMap((payload) => channels.map((channel) => one.publish(channel, payload))),
      );
      await until("all arrive", () => [...heard.values()].every((list) => list.length === payloads.length));
      for (const list of heard.values()) assert.deepEqual(list, payloads);
      for (const off of offs) off();
      const { heard: last, subscribed } = hear(two, channels[0]!);
      await subscribed;
      await Promise.all(channels.map((channel) => one.publish(channel, Buffer.from("later"))));
      await until("the channel that is subscribed again hears", () => last.length === 1);
      for (const list of heard.values()) assert.equal(list.length, payloads.length);
    });

    it("makes subscriptions anew after a restart before it says so; those of meanwhile as well", async () => {
      const { redis, said } = await opened(url);
      const other = await opened(url);
      const [before, ended] = [hear(redis, channels[0]!), hear(redis, channels[1]!)];
      const off = await ended.subscribed;
      await before.subscribed;
      for (const server of servers) await server.kill();
      await until("it notices", () => !redis.isReady && !other.redis.isReady);
      await assert.rejects(redis.command("k", ["GET", "k"]), isAway);
      const during = hear(redis, channels[2]!);
      await during.subscribed;
      off();
      let readyTimes = 0;
      const bothReady = Promise.withResolvers<void>();
      redis.onReady(() => {
        readyTimes += 1;
        if (other.redis.isReady) bothReady.resolve();
      });
      other.redis.onReady(() => redis.isReady && bothReady.resolve());
      for (const server of servers) await server.start();
      if (cluster) await untilUp(servers);
      await bothReady.promise;
      await Promise.all(
        channels.slice(0, 3).map((channel) => other.redis.publish(channel, Buffer.from("again"))),
      );
      await until("both hear", () => before.heard.length === 1 && during.heard.length === 1);
      assert.deepEqual(ended.heard, []);
      assert.equal(readyTimes, 1);
      assert.deepEqual([said("Redis is away"), said("Redis is there")], [1, 2]);
    });

    it("a server that hangs costs one wait, and is used again when it goes on", async () => {
      const { redis, said } = await opened(url, 200);
      const other = await opened(url);
      const { heard, subscribed } = hear(redis, channels[0]!);
      await subscribed;
      let late: ReturnType<typeof hear> | undefined;
      for (const { pid } of servers) process.kill(pid, "SIGSTOP");
      try {
        const commands = Array.from({ length: 20 }, () => redis.command("k", ["GET", "k"]));
        for (const outcome of await Promise.allSettled(commands)) {
          assert.ok(outcome.status === "rejected" && isAway(outcome.reason));
        }
        const nextTurn = new Promise((resolve) => setImmediate(resolve, "waited"));
        const refused = redis.command("k", ["GET", "k"]).catch(isAway);
        assert.equal(await Promise.race([refused, nextTurn]), true, "refused without a wait");
        await until("it is known of all nodes", () => !redis.isReady);
        late = hear(redis, channels[4]!);
        await late.subscribed;
        await until("the connection is given up", () => said("Redis is away") === 1);
      } finally {
        for (const { pid } of servers) process.kill(pid, "SIGCONT");
      }
      await until("it is back", () => redis.isReady && other.redis.isReady);
      if (cluster) await untilUp(servers);
      await until("commands are answered", () =>
        redis.command("k", ["GET", "k"]).then(
          () => true,
          () => false,
        ),
      );
      await until("it hears", async () => {
        for (const channel of [channels[0]!, channels[4]!])
          await other.redis.publish(channel, Buffer.from("x")).catch(() => {});
        return heard.length > 0 && late?.heard.length !== 0;
      });
    });

    it("tells those who subscribed while it hung for a moment that they may have missed something", async () => {
      const { redis, said } = await opened(url, 200);
      let tellings = 0;
      redis.onReady(() => void tellings++);
      for (const { pid } of servers) process.kill(pid, "SIGSTOP");
      const { heard, subscribed } = hear(redis, channels[5]!);
      await subscribed.finally(() => {
        for (const { pid } of servers) process.kill(pid, "SIGCONT");
      });
      await until("it is told", () => tellings > 0);
      assert.equal(said("Redis is away"), 0, "the connection has been kept");
      await redis.publish(channels[5]!, Buffer.from("x"));
      await until("it hears", () => heard.length === 1);
    });

    it("has 5,000 subscriptions, and has them again after the connection broke", async () => {
      const { redis } = await opened(url);
      const other = await opened(url);
      let count = 0;
      const many = Array.from({ length: 5_000 }, (_, i) => `parley:test:{many${i}}`);
      await Promise.all(many.map((channel) => redis.subscribe(channel, () => void count++)));
      // One after another: each ends the session that there is, and none the one that was made after the last.
      for (const server of servers) {
        const ready = Promise.withResolvers<void>();
        const forget = redis.onReady(() => ready.resolve());
        await server.command("CLIENT KILL TYPE pubsub");
        await ready.promise;
        forget();
      }
      await until("the publisher is there", () => other.redis.isReady);
      await Promise.all(many.map((channel) => other.redis.publish(channel, Buffer.from("x"))));
      await until("all arrive once", () => count === many.length);
    });
  });
}

describe("a cluster whose slots move", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const { url, nodes } = await startRedisCluster();

  it("computes slots as the server does", async () => {
    for (const key of ["", "a", "parley:bus:{chat:1}", "{}x", "x{", "{a}{b}", "é{ü}", "}{x}"].filter(
      Boolean,
    )) {
      assert.equal(await nodes[0]!.command(`CLUSTER KEYSLOT ${key}`), `:${slotOf(key)}`, key);
    }
  });

  it("follows a slot to another node, with its subscriptions", async () => {
    const { redis } = await opened(url);
    const [other] = [(await opened(url)).redis];
    const channel = "parley:test:{moving}";
    const slot = slotOf(channel);
    const { heard, subscribed } = hear(redis, channel);
    await subscribed;
    const owner = nodes[slot <= 5_460 ? 0 : slot <= 10_922 ? 1 : 2]!;
    const target = nodes.find((node) => node !== owner)!;
    const id = (await target.lines("CLUSTER MYID"))[1];
    for (const node of [target, owner, ...nodes]) await node.command(`CLUSTER SETSLOT ${slot} NODE ${id}`);
    await until("a message gets through", async () => {
      await other.publish(channel, Buffer.from("x")).catch(() => {});
      return heard.length > 0;
    });
    assert.equal(await redis.command(channel, ["SET", channel, "1"]), "OK");
    assert.match(await owner.command(`GET ${channel}`), /^-MOVED/);
  });
});

describe("a start that waiting does not mend", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const guarded = await startRedis(["--requirepass", "right-password"]);
  const withPassword = (password: string) => guarded.url.replace("//", `//:${password}@`);

  it("works with the right password", async () => {
    const { redis } = await opened(withPassword("right-password"));
    assert.equal(await redis.command("k", ["SET", "k", "v"]), "OK");
  });

  for (const [name, url] of [
    ["a wrong password", withPassword("wrong-password")],
    ["no password", guarded.url],
  ] as const) {
    it(`${name} is said at once, without the password`, async () => {
      const { redis, lines } = openTest(url);
      await assert.rejects(redis.untilReady(), (error) => {
        assert.ok(error instanceof RedisRefusedError);
        assert.match(error.message, /REDIS_URL.*(WRONGPASS|NOAUTH)/);
        return true;
      });
      assert.ok(!JSON.stringify(lines).includes("wrong-password"));
    });
  }

  const rights = "+@read +@write +@scripting +@pubsub +@connection +cluster";
  const asUser = (name: string) => guarded.url.replace("//", `//${name}:secret@`);

  it("a user with the rights that the documentation names may do all of it", async () => {
    const admin = (await opened(withPassword("right-password"))).redis;
    const acl = `SETUSER parley on >secret ~parley:* &parley:* ${rights} +time`;
    assert.equal(await admin.command("x", ["ACL", ...acl.split(" ")]), "OK");
    const { redis } = await opened(asUser("parley"));
    const { heard, subscribed } = hear(redis, "parley:test:c");
    await subscribed;
    await redis.publish("parley:test:c", Buffer.from("x"));
    await until("it hears", () => heard.length === 1);
    assert.deepEqual(await redis.run(script, ["parley:k"], ["x"]), ["parley:k", "x", 1]);
  });

  for (const [name, acl] of [
    ["scripts may not ask the time", `~* &* ${rights}`],
    ["it may not publish", `~* resetchannels ${rights} +time`],
    ["it may not run scripts", "~* &* +@read +@write +@pubsub +@connection +cluster"],
  ] as const) {
    it(`a user is refused where ${name}`, async () => {
      const admin = (await opened(withPassword("right-password"))).redis;
      await admin.command("x", ["ACL", "SETUSER", "less", "reset", "on", ">secret", ...acl.split(" ")]);
      const { redis } = openTest(asUser("less"));
      await assert.rejects(redis.untilReady(), (error) => error instanceof RedisRefusedError);
    });
  }

  it("a server of an old version is refused", async () => {
    const hello = "*4\r\n$7\r\nversion\r\n$5\r\n6.2.9\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n";
    const old = createServer((socket) => socket.on("data", () => socket.write(hello)).on("error", () => {}));
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    after(() => old.close());
    const { redis } = openTest(`redis://127.0.0.1:${(old.address() as AddressInfo).port}`);
    await assert.rejects(redis.untilReady(), /is version 6\.2\.9; Parley needs 7 or newer/);
  });
});

describe("a Redis that is not there", () => {
  it("is waited for until the signal says to stop, and is logged once", async () => {
    const { redis, said } = openTest("redis://:secret@127.0.0.1:1");
    const stop = new AbortController();
    const waiting = redis.untilReady(stop.signal);
    await until("it is said", () => said("cannot be reached yet") === 1);
    await assert.rejects(redis.command("k", ["GET", "k"]), isAway);
    const { subscribed } = hear(redis, "c");
    (await subscribed)();
    stop.abort(new Error("stopped by a signal"));
    await assert.rejects(waiting, /stopped by a signal/);
    assert.equal(said("cannot be reached yet"), 1);
    await redis.stop();
    await redis.stop();
  });
});
