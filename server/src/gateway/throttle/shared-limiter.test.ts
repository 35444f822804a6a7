/** Several pods' limiters on one real Redis, which goes away, freezes and forgets. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseRateLimit, type RateLimit } from "#gateway/throttle/rate-limit.ts";
import { createSharedBuckets } from "#gateway/throttle/shared-buckets.ts";
import { createSharedLimiter, maxLease } from "#gateway/throttle/shared-limiter.ts";
import { createLog, type Log } from "#platform/log.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { type RedisServer, startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const server: RedisServer | undefined = withoutRedis ? undefined : await startRedis();
const skip = withoutRedis;
const limitOf = (text: string) => parseRateLimit(text) as RateLimit;

/** Patient: on a busy machine Redis may take long, and then each pod would rightly go on by itself. */
const patienceMs = 20_000;

interface PodOptions {
  name: string;
  hoursOff?: number;
  log?: Log;
  /** As in production. */
  isImpatient?: boolean;
}

async function startPod(limit: RateLimit, options: PodOptions) {
  const { name, hoursOff = 0, log = createLog("silent"), isImpatient = false } = options;
  const patience = isImpatient ? {} : { timeoutMs: patienceMs };
  const redisPatience = isImpatient ? {} : { commandTimeoutMs: patienceMs };
  const redis = openRedis({ url: server!.url, log: createLog("silent"), ...redisPatience });
  after(() => redis.stop());
  await until("Redis is ready", () => redis.isReady);
  const nowMs = () => performance.now() + hoursOff * 3_600_000;
  const shared = createSharedBuckets({ redis, log, nowMs, ...patience });
  const limiter = createSharedLimiter({ name, limit, maxBuckets: 1_000, shared, nowMs });
  return { limiter, redis, shared };
}

const startPods = (limit: RateLimit, name: string, count = 4) =>
  Promise.all(Array.from({ length: count }, (_, i) => startPod(limit, { name, hoursOff: i })));

type Pod = Awaited<ReturnType<typeof startPod>>;

/** How many of so many calls, as fast as can be, pass. */
async function flood({ limiter }: Pod, calls: number, key = "a"): Promise<number> {
  let passed = 0;
  for (let i = 0; i < calls; i++) if ((await limiter.take(key)) === 0) passed += 1;
  return passed;
}

/** By the pods' own clock: a timer may come early by as long as this process stood still before it was set. */
async function pass(ms: number): Promise<void> {
  const fromMs = performance.now();
  await until(`${ms} ms have passed`, () => performance.now() - fromMs >= ms);
}

test("four pods, their clocks hours apart, let no more pass than one limit and what their leases hold", {
  skip,
}, async () => {
  const limit = limitOf("100/s burst 200");
  const pods = await startPods(limit, "together");
  const startedAt = performance.now();
  let passed = 0;
  while (performance.now() - startedAt < 2_500) {
    const batch = await Promise.all(pods.map((pod) => flood(pod, 25)));
    passed += batch.reduce((sum, n) => sum + n);
    await delay(5);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const most = limit.burst + 100 * seconds + pods.length * maxLease(limit);
  assert.ok(passed <= most, `${passed} of at most ${most}`);
  assert.ok(passed >= limit.burst, `${passed}: the burst is to be had`);
});

test("a burst of calls at once gets exactly the burst, whichever pods they come to", { skip }, async () => {
  const pods = await startPods(limitOf("1/min burst 50"), "at-once");
  const verdicts = await Promise.all(
    Array.from({ length: 400 }, (_, i) => pods[i % pods.length]!.limiter.take("a")),
  );
  assert.equal(verdicts.filter((ms) => ms === 0).length, 50);
});

test("who is within a lease is answered at once, and a slow caller does not waste the limit on leases", {
  skip,
}, async () => {
  const [first, second] = (await startPods(limitOf("5/s burst 400"), "leases", 2)) as [Pod, Pod];
  let waited = 0;
  for (let i = 0; i < 200; i++) {
    const verdict = first.limiter.take("busy");
    if (typeof verdict !== "number") waited += 1;
    assert.equal(await verdict, 0);
    if (i % 10 === 0) await delay(1);
  }
  assert.ok(waited < 40, `${waited} of 200 calls had to wait`);
  for (let i = 0; i < 3; i++) {
    await second.limiter.take("slow");
    await pass(1_050);
  }
  assert.equal(second.limiter.left("slow").count, 400, "alone, each call took one token and no lease");
});

test("calls that wait for a lease are answered in their order, and none overtakes a refused one", {
  skip,
}, async () => {
  const [pod] = (await startPods(limitOf("1/min burst 5"), "order", 1)) as [Pod];
  const answered: number[] = [];
  const calls = Array.from({ length: 10 }, async (_, i) => {
    const verdict = await pod.limiter.take("a");
    answered.push(i);
    return verdict;
  });
  const verdicts = await Promise.all(calls);
  assert.deepEqual(answered, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(
    verdicts.map((ms) => ms === 0),
    [true, true, true, true, true, false, false, false, false, false],
  );
});

test("a refusal's time is true: after it, one passes", { skip }, async () => {
  const [pod] = (await startPods(limitOf("2/s burst 3"), "truth", 1)) as [Pod];
  for (let round = 0; round < 3; round++) {
    let retryAfterMs = 0;
    while (retryAfterMs === 0) retryAfterMs = await pod.limiter.take("a");
    await pass(retryAfterMs);
    assert.equal(await pod.limiter.take("a"), 0);
  }
});

test("what is forgotten by FLUSHALL is given anew, and nothing breaks", { skip }, async () => {
  const pods = await startPods(limitOf("1/min burst 40"), "forgotten");
  const rounds = async () =>
    (await Promise.all(pods.map((pod) => flood(pod, 100)))).reduce((sum, n) => sum + n);
  assert.equal(await rounds(), 40);
  assert.equal(await server!.command("FLUSHALL"), "+OK");
  assert.equal(await server!.command("SCRIPT FLUSH"), "+OK");
  const passed = await Promise.all(pods.map((pod) => flood(pod, 100, "b")));
  assert.equal(
    passed.reduce((sum, n) => sum + n),
    40,
  );
});

test("keys go by themselves once they say nothing", { skip }, async () => {
  const [pod] = (await startPods(limitOf("10/s burst 2"), "expiry", 1)) as [Pod];
  assert.equal(await pod.limiter.take("a"), 0);
  const key = "parley:throttle:{expiry:a}";
  const [, lifeMs] = /^:(-?\d+)$/.exec(await server!.command(`PTTL ${key}`))!;
  assert.ok(Number(lifeMs) <= 100, `${lifeMs} ms, though it is full again after 100`);
  await until("it has expired", async () => (await server!.command(`EXISTS ${key}`)) === ":0");
});

function collectingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line).msg);
  return { log: createLog("info", { write }), lines };
}

test("with a frozen Redis at most the first call waits, each pod enforces the limit by itself, and it heals", {
  skip,
}, async () => {
  const limit = limitOf("1/min burst 40");
  const { log, lines } = collectingLog();
  const pod = await startPod(limit, { name: "frozen", log, isImpatient: true });
  assert.equal(await pod.limiter.take("warm"), 0);
  process.kill(server!.pid, "SIGSTOP");
  try {
    assert.equal(await pod.limiter.take("a"), 0, "decided here after a moment");
    let waited = 0;
    for (let i = 0; i < 100; i++) if (typeof pod.limiter.take(`b${i}`) !== "number") waited += 1;
    assert.equal(waited, 0, "nobody else waits");
    assert.equal(await flood(pod, 100, "a"), 39, "the whole limit, here");
  } finally {
    process.kill(server!.pid, "SIGCONT");
  }
  await until("the pods share again", async () => {
    await pod.limiter.take("c");
    return pod.shared.isUsable();
  });
  assert.deepEqual(lines, [
    "rate limits: no Redis, each pod enforces the whole limit by itself",
    "rate limits: shared by all pods again",
  ]);
  assert.ok((await pod.limiter.take("a")) > 0, "who was refused meanwhile is not let off");
});

test("without Redis each pod enforces the limit by itself at once; when it is back, they share again", {
  skip,
}, async () => {
  const limit = limitOf("1/min burst 40");
  const { log, lines } = collectingLog();
  const pods = [
    await startPod(limit, { name: "killed", log }),
    await startPod(limit, { name: "killed" }),
  ] as const;
  assert.equal(await pods[0].limiter.take("a"), 0);
  await server!.kill();
  await until("both know that Redis is away", () => !pods[0].redis.isReady && !pods[1].redis.isReady);
  assert.equal(typeof pods[0].limiter.take("b"), "number");
  assert.deepEqual([await flood(pods[0], 100, "a"), await flood(pods[1], 100, "a")], [39, 40]);
  await server!.start();
  await until("both use Redis again", () => pods.every((pod) => pod.shared.isUsable()));
  const passed = await Promise.all(pods.map((pod) => flood(pod, 100, "d")));
  assert.equal(passed[0]! + passed[1]!, 40, "shared again");
  assert.equal(lines.length, 2);
});

test("a Redis that is always slow is done without, instead of being waited for again and again", async () => {
  const commands: (() => void)[] = [];
  const slow = () => new Promise<unknown>((resolve) => commands.push(() => resolve([1, 0])));
  const redis = { isReady: true, run: slow, command: slow } as unknown as Redis;
  const time = { nowMs: 1_000 };
  const nowMs = () => time.nowMs;
  const shared = createSharedBuckets({ redis, log: createLog("silent"), nowMs, timeoutMs: 5 });
  const limit = limitOf("1/min burst 40");
  const limiter = createSharedLimiter({ name: "slow", limit, maxBuckets: 100, shared, nowMs });
  assert.equal(await limiter.take("a"), 0);
  time.nowMs += 80;
  for (const answer of commands.splice(0)) answer();
  await delay(1);
  assert.equal(limiter.take("b"), 0, "at once");
  time.nowMs += 1_000;
  assert.equal(limiter.take("c"), 0, "at once, and Redis is asked meanwhile");
  assert.equal(commands.length, 1);
  for (const answer of commands.splice(0)) answer();
  await delay(1);
  assert.equal(shared.isUsable(), true, "in time again");
});
