import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { adapters } from "#dispatch/sending/adapters/adapters.ts";

const done = (result: string) => ({ kind: "done", result });
const failed = (reason: string) => ({ kind: "failed", reason });
const rejected = (reason: string) => ({ kind: "rejected", reason });

test("no adapter throws, whatever the answer", () => {
  const texts = fc.constantFrom("result", "translatedText", "choices", "message", "content", "__proto__");
  const answer = fc.oneof(fc.jsonValue(), fc.dictionary(texts, fc.jsonValue()));
  fc.assert(
    fc.property(answer, fc.constantFrom(...Object.values(adapters)), (value, adapter) => {
      assert.match(adapter.decode(value).kind, /^(done|failed|rejected)$/);
    }),
  );
});

describe("libretranslate", () => {
  const { encode, decode } = adapters.libretranslate;

  test("detects the language unless it is told, and sends nothing that it does not know", () => {
    const body = JSON.parse(JSON.stringify(encode("hi", { target: "de", prompt: "x" })));
    assert.deepEqual(body, { q: "hi", source: "auto", target: "de", format: "text" });
    const full = encode("hi", { source: "en", target: "de", format: "html", api_key: "k" });
    assert.deepEqual(full, { q: "hi", source: "en", target: "de", format: "html", api_key: "k" });
  });

  test("reads the translation", () => {
    assert.deepEqual(decode({ translatedText: "hallo", detectedLanguage: {} }), done("hallo"));
    assert.deepEqual(decode({ error: "no" }), failed("no-result"));
    assert.deepEqual(decode({ translatedText: ["hallo"] }), failed("no-result"));
  });
});

describe("openai-chat", () => {
  const { encode, decode, retryAfterMs } = adapters["openai-chat"];
  const answer = (message: unknown, finish_reason = "stop") => ({ choices: [{ message, finish_reason }] });

  test("puts the prompt before the text; parameters cannot replace either", () => {
    const parameters = { temperature: 0, messages: [], model: "other", stream: true };
    assert.deepEqual(encode("hi", { model: "m", prompt: "Translate.", parameters, target: "de" }), {
      temperature: 0,
      model: "m",
      messages: [
        { role: "system", content: "Translate." },
        { role: "user", content: "hi" },
      ],
      stream: false,
    });
    assert.deepEqual(encode("hi", {}).messages, [{ role: "user", content: "hi" }]);
  });

  test("reads the first choice", () => {
    assert.deepEqual(decode(answer({ content: "hallo" })), done("hallo"));
    assert.deepEqual(decode(answer({ content: "" })), failed("no-result"));
    assert.deepEqual(decode(answer({ content: null })), failed("no-result"));
    assert.deepEqual(decode({ choices: [] }), failed("no-result"));
    assert.deepEqual(decode(answer({ content: "hal" }, "length")), failed("truncated"));
    assert.deepEqual(decode(answer({ content: "" }, "content_filter")), rejected("content-filter"));
    assert.deepEqual(decode(answer({ content: null, refusal: "No." })), rejected("refusal"));
  });

  const delays: [Record<string, string>, number | undefined][] = [
    [{ "retry-after-ms": "312" }, 312],
    [{ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s" }, 360_000],
    [{ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12ms" }, 12],
    [{ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1h2m3.5s" }, 3_723_500],
    [{ "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "8" }, 8_000],
    [{ "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6m0s" }, undefined],
    [{ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon" }, undefined],
    [
      { "retry-after": "1", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s" },
      undefined,
    ],
    [{}, undefined],
  ];
  for (const [headers, expected] of delays) {
    test(`its headers: ${JSON.stringify(headers)}`, () => assert.equal(retryAfterMs(headers), expected));
  }
});

test("json: the text is the request's, whatever the options", () => {
  assert.deepEqual(adapters.json.encode("hi", { text: "no", a: 1 }), { text: "hi", a: 1 });
});
