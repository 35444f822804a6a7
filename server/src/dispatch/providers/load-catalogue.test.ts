import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadCatalogue } from "#dispatch/providers/load-catalogue.ts";
import { ProvidersFileError } from "#dispatch/providers/problem.ts";

const environment = { KEY: "s3cret", LINES: "a\r\nb", DATABASE_URL: "postgres://x" };
const load = (text: string) => loadCatalogue(text, { environment, maxTextBytes: 65_536 });

/** As a file refers to the environment. */
const ref = (name: string) => `\${${name}}`;

/** As an operator is told. */
function problemsOf(text: string): string[] {
  try {
    load(text);
    return [];
  } catch (error) {
    assert.ok(error instanceof ProvidersFileError, String(error));
    return error.message.split("\n");
  }
}

/** Of a file with one provider that is fine but for these properties. */
const problemsWith = (provider: object, file: object = {}) =>
  problemsOf(
    JSON.stringify({ providers: [{ id: "a", url: "https://a.example", price: 0, ...provider }], ...file }),
  ).map((line) => line.replace(/^\d+:\d+ /, ""));

test("fills in what is left out", () => {
  const { providers, processors, ...rest } = load(
    '{ "providers": [{ "id": "a", "url": "https://a.example/x", "price": 0 }] }',
  );
  assert.deepEqual(rest, {
    currency: "USD",
    paidAccess: "role",
    spendCapMicros: undefined,
    userSpendCapMicros: undefined,
    awayCapMicros: 0,
    privateHosts: new Set(),
  });
  const provider = {
    id: "a",
    adapter: "json",
    url: new URL("https://a.example/x"),
    headers: {},
    priceMicros: 0,
    timeoutMs: 30_000,
    concurrency: 64,
    maxQueueMs: 250,
    guardMs: 250,
    quotas: [],
    idempotencyHeader: undefined,
    options: {},
  };
  assert.deepEqual([...providers], [["a", provider]]);
  const all = processors.get("default");
  assert.deepEqual([all?.maxTextBytes, all?.delivery, all?.options], [65_536, "at-most-once", {}]);
});

test("takes everything over: comments, trailing commas, secrets, all kinds of quotas", () => {
  const { providers, processors, ...rest } = load(`\uFEFF{
    // the team's account
    "currency": "EUR", "paidAccess": "everyone",
    "spendCap": { "perDay": 5, "perUserPerDay": 0.5, "whileDatabaseAway": 0.01 },
    "allowPrivateHosts": ["Translate.internal", "10.0.0.7", "[fd00::1]"],
    "providers": [
      { "id": "dear", "url": "http://10.0.0.7:5000", "adapter": "libretranslate", "price": 0.002,
        "options": { "api_key": "\${KEY}", "target": "de" } },
      { "id": "cheap", "url": "http://[fd00::1]/v1", "price": 0.000001, "timeout": "5s", "concurrency": 3,
        "maxQueue": "0ms", "guard": "10ms", "idempotencyHeader": "X-Id",
        "headers": { "Authorization": "Bearer \${KEY}", "X-Team": "chat" },
        "quotas": [
          { "kind": "fixed-window", "limit": 5, "window": "1s", "offset": "200ms" },
          { "kind": "count-then-block", "limit": 9, "block": "1d" },
          { "kind": "block-at-limit", "limit": 100, "window": "60s", "block": "5min" },
        ] },
    ],
    "processors": [{ "id": "small", "providers": ["dear", "cheap"], "maxTextBytes": 100, "delivery": "at-least-once",
      "options": { "prompt": "What is \${KEY}?" } }],
  }`);
  assert.deepEqual(rest, {
    currency: "EUR",
    paidAccess: "everyone",
    spendCapMicros: 5_000_000,
    userSpendCapMicros: 500_000,
    awayCapMicros: 10_000,
    privateHosts: new Set(["translate.internal", "10.0.0.7", "fd00::1"]),
  });
  assert.deepEqual(providers.get("dear")?.options, { api_key: "s3cret", target: "de" });
  const cheap = providers.get("cheap")!;
  assert.deepEqual(cheap.headers, { authorization: "Bearer s3cret", "x-team": "chat" });
  assert.equal(cheap.idempotencyHeader, "x-id");
  assert.deepEqual([cheap.priceMicros, cheap.timeoutMs, cheap.maxQueueMs, cheap.guardMs], [1, 5_000, 0, 10]);
  assert.deepEqual(cheap.quotas, [
    { kind: "fixed-window", limit: 5, windowMs: 1_000, blockMs: 0, offsetMs: 200 },
    { kind: "count-then-block", limit: 9, windowMs: 0, blockMs: 86_400_000, offsetMs: 0 },
    { kind: "block-at-limit", limit: 100, windowMs: 60_000, blockMs: 300_000, offsetMs: 0 },
  ]);
  for (const id of ["default", "small"]) {
    const ids = processors.get(id)!.providers.map((provider) => provider.id);
    assert.deepEqual(ids, ["cheap", "dear"], "the cheapest first");
  }
  const small = processors.get("small")!;
  assert.deepEqual(
    [small.maxTextBytes, small.delivery, small.options],
    [100, "at-least-once", { prompt: `What is ${ref("KEY")}?` }],
  );
});

test("the guard band is no more than a tenth of the shortest window, unless it is given", () => {
  const quotas = [
    { kind: "fixed-window", limit: 5, window: "1s" },
    { kind: "fixed-window", limit: 500, window: "1d" },
  ];
  const file = (more: object) =>
    load(JSON.stringify({ providers: [{ id: "a", url: "https://a.example", price: 0, quotas, ...more }] }));
  assert.equal(file({}).providers.get("a")!.guardMs, 100);
  assert.equal(file({ guard: "499ms" }).providers.get("a")!.guardMs, 499);
  assert.match(
    problemsWith({ quotas, guard: "500ms" })[0]!,
    /less than half of the shortest window, which is 1s/,
  );
});

test("an outage may cost 100 requests, and a hundredth of the day's cap at the most", () => {
  const awayCap = (spendCap: object) =>
    load(JSON.stringify({ spendCap, providers: [{ id: "a", url: "https://a.example", price: 0.002 }] }))
      .awayCapMicros;
  assert.equal(awayCap({}), 200_000);
  assert.equal(awayCap({ perDay: 5 }), 50_000);
  assert.equal(awayCap({ perDay: 5, whileDatabaseAway: 0 }), 0);
});

test("names the line and the column, of all problems at once", () => {
  const text = `{
  // free
  "providers": [
    {
      "id": "free", "url": "https://free.example", "price": "0",
      "qoutas": [],
      "quotas": [
        { "kind": "fixed-window", "limit": 0, "window": "60s" },
        { "kind": "fixed-window", "limit": 20, "window": "a minute", "block": "3s" },
        { "kind": "count-then-block", "limit": 2.5 },
        { "kind": "daily", "limit": 1 }
      ]
    }
  ]
}`;
  const known =
    "id, adapter, url, headers, price, timeout, concurrency, maxQueue, guard, quotas, idempotencyHeader, options";
  const duration = 'must be a length of time, such as "250ms", "60s", "5min", "24h" or "1d"';
  assert.deepEqual(problemsOf(text), [
    "5:61 providers[0].price must be a number",
    `6:7 providers[0].qoutas is unknown; there are ${known}`,
    "8:44 providers[0].quotas[0].limit must be a whole number from 1 to 10000000",
    `9:58 providers[0].quotas[1].window ${duration}`,
    "9:70 providers[0].quotas[1].block does not go with this kind of quota",
    '10:9 providers[0].quotas[2] needs "block"',
    "10:48 providers[0].quotas[2].limit must be a whole number",
    "11:19 providers[0].quotas[3].kind must be one of fixed-window, first-request-window, count-then-block, sliding-log, block-at-limit, block-after-limit",
  ]);
});

test("what is no JSON is said in words, at its place", () => {
  assert.deepEqual(problemsOf('{\n  "providers": [\n    { "id": "a" "url": "x" }\n  ]\n}'), [
    "3:17 this should be a comma",
  ]);
  assert.deepEqual(problemsOf("{\n  providers: []\n}")[0], '2:3 "providers" is no JSON');
  assert.deepEqual(problemsOf(""), ["1:1 the file is empty"]);
  assert.deepEqual(problemsOf('{ "providers": [')[0], "1:17 this should be a closing bracket ]");
  assert.deepEqual(problemsOf("[]"), ["1:1 the file must be an object {…}"]);
  assert.deepEqual(problemsOf('{"currency": "EUR",\n"currency": "USD", "providers": []}'), [
    '2:1 "currency" is given twice',
  ]);
});

test("what the schema cannot know is checked as well", () => {
  const window = (more: object) => ({ quotas: [{ kind: "fixed-window", limit: 1, window: "1s", ...more }] });
  for (const [problems, says] of [
    [problemsWith({ price: 0.0000001 }), /^providers\[0\].price must have 6 decimals at the most$/],
    [problemsWith({}, { spendCap: { perDay: 0.0000001 } }), /^spendCap.perDay must have 6 decimals/],
    [problemsWith({ timeout: "11min" }), /timeout must be from 10ms to 10min$/],
    [problemsWith({ maxQueue: "2min" }), /maxQueue must be from 0ms to 1min$/],
    [problemsWith(window({ window: "99ms" })), /window must be from 100ms to 366d$/],
    [problemsWith(window({ window: "367d" })), /window must be from 100ms to 366d$/],
    [problemsWith(window({ offset: "1s" })), /offset must be less than the window$/],
    [problemsWith({ url: "ftp://a.example" }), /url must be a URL that starts with https/],
    [problemsWith({ url: "not a url" }), /url must be a URL that starts with https/],
    [problemsWith({ url: "https://me:pw@a.example" }), /url must not hold a user or a password/],
    [
      problemsWith({ headers: { "Content-Length": "1" } }),
      /headers.Content-Length is a header that cannot be chosen/,
    ],
    [problemsWith({ headers: { "a b": "1" } }), /headers\["a b"\] is not the name of a header$/],
    [problemsWith({ headers: { a: "1", A: "2" } }), /headers.A is given twice$/],
    [problemsWith({ headers: { a: "1\n2" } }), /headers.a has a character that no header may have/],
    [
      problemsWith({ headers: { a: "1" }, idempotencyHeader: "A" }),
      /idempotencyHeader is one of the headers/,
    ],
    [problemsWith({ idempotencyHeader: "host" }), /idempotencyHeader is a header that cannot be chosen$/],
    [problemsWith({}, { allowPrivateHosts: ["http://a"] }), /allowPrivateHosts\[0\] must be the name/],
    [problemsWith({}, { allowPrivateHosts: ["a:80"] }), /allowPrivateHosts\[0\] must be the name/],
    [
      problemsWith({}, { processors: [{ id: "p", providers: ["b"] }] }),
      /^processors\[0\].providers\[0\] "b" is no provider/,
    ],
    [
      problemsWith({}, { processors: [{ id: "p" }, { id: "p" }] }),
      /^processors\[1\].id "p" is taken already$/,
    ],
  ] as const) {
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0]!, says);
  }
  const twice =
    '{"providers":[{"id":"a","url":"https://a","price":0},\n{"id":"a","url":"https://a","price":0}]}';
  assert.deepEqual(problemsOf(twice), ['2:7 providers[1].id "a" is taken already']);
});

test("secrets come out of the environment, and are never told", () => {
  const withHeader = (value: string) => problemsWith({ headers: { authorization: value } });
  assert.deepEqual(withHeader(`Bearer ${ref("KEY")}`), []);
  for (const [value, says] of [
    [ref("MISSING"), /needs the environment variable MISSING, which is not set$/],
    [ref("DATABASE_URL"), /must not use DATABASE_URL/],
    [ref("PARLEY_SECRET_KEY"), /must not use PARLEY_SECRET_KEY/],
    [ref(""), /names no environment variable/],
    [ref("LINES"), /has a character that no header may have/],
  ] as const) {
    const problems = withHeader(value);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, says);
    assert.doesNotMatch(problems[0]!, /s3cret|postgres|a\r/);
  }
  assert.match(problemsWith({ options: { api_key: ref("MISSING") } })[0]!, /options.api_key needs/);
});

test("addresses in private networks are refused unless they are listed", () => {
  for (const host of [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "0x7f.1",
    "[::1]",
    "[fd00::1]",
    "localhost",
    "localhost.",
    "a.localhost",
  ]) {
    const [problem] = problemsWith({ url: `http://${host}:5000/x` });
    assert.match(problem ?? "", /leads to a private network; if that is meant, add "/, host);
    const toAdd = /add "(.*)" to/.exec(problem!)![1]!;
    assert.deepEqual(
      problemsWith({ url: `http://${host}:5000/x` }, { allowPrivateHosts: [toAdd] }),
      [],
      host,
    );
  }
  for (const host of ["8.8.8.8", "[2606:4700::1111]", "translate.example"]) {
    assert.deepEqual(problemsWith({ url: `https://${host}` }), [], host);
  }
});

test("a file with very many problems names the first of them", () => {
  const providers = Array.from({ length: 100 }, () => ({}));
  assert.equal(problemsOf(JSON.stringify({ providers })).length, 20);
});

test("whatever a file holds, it is loaded or refused with its problems", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string(), (value, text) => {
      problemsOf(JSON.stringify(value));
      problemsOf(JSON.stringify({ providers: [value] }));
      problemsOf(
        JSON.stringify({ providers: [{ id: "a", url: text, price: 0, headers: { [text]: text } }] }),
      );
      problemsOf(text);
    }),
    { numRuns: 300 },
  );
});
