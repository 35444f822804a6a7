import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type ProviderSimOptions, startProviderSim } from "#provider-sim/start-provider-sim.ts";
import { until } from "#test/until.ts";

async function start(options: ProviderSimOptions = {}) {
  const sim = await startProviderSim(options);
  after(() => sim.stop());
  const post = (text: string, headers: Record<string, string> = {}, path = "/process") =>
    fetch(sim.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(10_000),
    });
  return { sim, post };
}

test("speaks each wire format", async () => {
  const { sim, post } = await start();
  assert.deepEqual(await (await post("hello")).json(), { result: "HELLO" });
  const ask = async (path: string, body: unknown) =>
    (await fetch(sim.url + path, { method: "POST", body: JSON.stringify(body) })).json();
  assert.deepEqual(await ask("/translate", { q: "good day", source: "en", target: "de" }), {
    translatedText: "GOOD DAY",
  });
  const messages = [
    { role: "system", content: "shout" },
    { role: "user", content: "hi" },
  ];
  const chat = (await ask("/v1/chat/completions", { model: "m", messages })) as {
    choices: { message: { content: string }; finish_reason: string }[];
  };
  assert.equal(chat.choices[0]!.message.content, "HI");
  assert.equal(chat.choices[0]!.finish_reason, "stop");
});

test("counts at arrival, refuses beyond the quota, and says when to come again", async () => {
  let now = 1_000_000_000_500;
  const { sim, post } = await start({ quotas: ["fixed-window:2/60s"], price: 0.002, now: () => now });
  const statuses = await Promise.all(
    [post("1"), post("2"), post("3")].map(async (one) => (await one).status),
  );
  assert.deepEqual(statuses.sort(), [200, 200, 429]);
  const refusal = await post("4");
  assert.equal(refusal.headers.get("retry-after"), "20");
  now += 20_000;
  assert.equal((await post("5")).status, 200);
  const { accepted, refused, spend, windows } = sim.ledger();
  assert.deepEqual({ accepted, refused, spend }, { accepted: 3, refused: 2, spend: 0.006 });
  assert.deepEqual(
    windows.map((window) => [window.accepted, window.refused]),
    [
      [2, 2],
      [1, 0],
    ],
  );
});

test("a request counts against all quotas or against none", async () => {
  let now = 1_000_000_000_000;
  const { sim, post } = await start({ quotas: ["fixed-window:2/1s", "fixed-window:3/60s"], now: () => now });
  const statuses: number[] = [];
  for (const text of "abc") statuses.push((await post(text)).status);
  now += 1_000;
  for (const text of "de") statuses.push((await post(text)).status);
  assert.deepEqual(statuses, [200, 200, 429, 200, 429]);
  const perMinute = sim.ledger().windows.filter(({ quota }) => quota === 1);
  assert.deepEqual(
    perMinute.map((window) => [window.accepted, window.refused]),
    [[3, 1]],
  );
});

test("a repeated id gets the first outcome, counted and charged once", async () => {
  const { sim, post } = await start({
    quotas: ["fixed-window:1/1d"],
    price: 0.5,
    idempotencyHeader: "X-Request-Id",
    latency: "30ms",
  });
  const id = { "x-request-id": "7" };
  const answers = await Promise.all([post("one", id), post("one", id), post("one", id)]);
  for (const answer of answers) assert.deepEqual(await answer.json(), { result: "ONE" });
  const { accepted, refused, replayed, duplicates, spend } = sim.ledger();
  assert.deepEqual([accepted, refused, replayed, duplicates, spend], [1, 0, 2, 0, 0.5]);
});

test("without the header's support the ledger counts duplicates, by id and by text", async () => {
  const { sim, post } = await start();
  for (const id of ["1", "1", "2"]) await post(id, { "idempotency-key": id });
  await post("2");
  const { duplicates, repeatedTexts, processed } = sim.ledger();
  assert.deepEqual([duplicates, repeatedTexts, processed], [1, 2, 4]);
});

test("a retry after an error status is carried out anew, one after a lost answer is not", async () => {
  const { sim, post } = await start({ idempotencyHeader: "idempotency-key", script: ["503", "ok", "reset"] });
  const first = { "idempotency-key": "a" };
  assert.equal((await post("a", first)).status, 503);
  assert.equal((await post("a", first)).status, 200);
  const second = { "idempotency-key": "b" };
  await assert.rejects(post("b", second));
  assert.equal((await post("b", second)).status, 200);
  const { accepted, processed, replayed, duplicates } = sim.ledger();
  assert.deepEqual([accepted, processed, replayed, duplicates], [3, 2, 1, 0]);
});

test("fails as the script says, then answers again", async () => {
  const { sim, post } = await start({
    script: ["500", "html", "broken-json", "wrong-shape", "429", "half", "reset"],
  });
  assert.equal((await post("1")).status, 500);
  assert.match((await post("2")).headers.get("content-type")!, /html/);
  await assert.rejects(async () => (await post("3")).json(), SyntaxError);
  assert.deepEqual(await (await post("4")).json(), { unexpected: true });
  assert.equal((await post("5")).status, 429);
  await assert.rejects(async () => (await post("6")).text());
  await assert.rejects(post("7"));
  assert.deepEqual(await (await post("8")).json(), { result: "8" });
  assert.deepEqual(sim.ledger().faults, {
    500: 1,
    html: 1,
    "broken-json": 1,
    "wrong-shape": 1,
    429: 1,
    half: 1,
    reset: 1,
  });
});

test("hangs until the caller goes, and answers late", async () => {
  const { sim, post } = await start({ script: ["hang", "late"], late: "40ms" });
  const caller = new AbortController();
  const gone = fetch(sim.url, { method: "POST", body: '{"text":"x"}', signal: caller.signal });
  gone.catch(() => {});
  await until("it hangs", () => sim.ledger().faults.hang === 1);
  caller.abort();
  await assert.rejects(gone, { name: "AbortError" });
  const sentAt = performance.now();
  assert.equal((await post("y")).status, 200);
  assert.ok(performance.now() - sentAt >= 39);
});

test("a rate of faults is drawn by chance", async () => {
  const draws = [0.9, 0.1, 0.99, 0.4, 0];
  const { post } = await start({
    faultRate: 0.5,
    faults: ["500", "503"],
    random: () => draws.shift() ?? 0.9,
  });
  // The draws for the ways that take no time are not made.
  const statuses: number[] = [];
  for (const text of "abc") statuses.push((await post(text)).status);
  assert.deepEqual(statuses, [200, 503, 500]);
});

test("is counted when the way is over, not when it begins", async () => {
  let now = 0;
  const { post, sim } = await start({ quotas: ["fixed-window:1/1s"], travel: "50ms", now: () => now });
  const answer = post("on its way");
  now = 1_000;
  assert.equal((await answer).status, 200);
  assert.equal(sim.ledger().windows[0]!.openedAt, 1_000);
});

test("behaviour and counts change while it runs, and nonsense changes nothing", async () => {
  const now = () => 1_000_000_000_000;
  const { sim, post } = await start({ quotas: ["fixed-window:1/1d"], now });
  const put = (body: string) => fetch(`${sim.url}/behaviour`, { method: "PUT", body });
  assert.equal((await post("1")).status, 200);
  assert.equal((await post("2")).status, 429);
  for (const body of [
    "{",
    "[]",
    '{"latencey":"1s"}',
    '{"quotas":["x:1/1s"]}',
    '{"price":-1}',
    '{"faultRate":2}',
  ]) {
    const refusal = await put(body);
    assert.equal(refusal.status, 400, body);
    assert.ok(((await refusal.json()) as { error: string }).error);
  }
  assert.equal((await post("3")).status, 429);
  assert.equal(
    (await put('{"quotas":["fixed-window:1/2s"],"rateLimitHeaders":true,"retryAfter":false}')).status,
    200,
  );
  const answer = await post("4");
  assert.equal(answer.headers.get("ratelimit-policy"), '"0";q=1;w=2');
  assert.match(answer.headers.get("ratelimit")!, /^"0";r=0;t=2$/);
  await fetch(`${sim.url}/reset`, { method: "POST" });
  const ledger = (await (await fetch(`${sim.url}/ledger`)).json()) as { accepted: number };
  assert.equal(ledger.accepted, 0);
});

test("refuses what it cannot read", async () => {
  const { sim } = await start();
  const send = async (init: RequestInit, path = "/") => (await fetch(sim.url + path, init)).status;
  assert.equal(await send({ method: "POST", body: "{" }), 400);
  assert.equal(await send({ method: "POST", body: "null" }), 400);
  assert.equal(await send({ method: "POST", body: '{"text":7}' }), 400);
  assert.equal(await send({ method: "POST", body: '{"messages":[null]}' }, "/chat/completions"), 400);
  assert.equal(await send({ method: "GET" }, "/nothing"), 404);
  assert.equal(await send({ method: "POST", body: "x".repeat(3_000_000) }), 413);
  assert.equal(sim.ledger().accepted, 0);
});

test("says which port is taken", async () => {
  const { sim } = await start();
  await assert.rejects(startProviderSim({ port: sim.port }), /is taken by another program; set --port/);
});
