import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCatalogue } from "#dispatch/providers/describe-catalogue.ts";
import { loadCatalogue } from "#dispatch/providers/load-catalogue.ts";

test("shows what is in force, and no secret", () => {
  const file = {
    providers: [
      {
        id: "a",
        url: "https://a.example/x?key=s3cret-1",
        price: 0.002,
        headers: { authorization: "s3cret-2", "x-key": `\${KEY}` },
        options: { api_key: "s3cret-4", model: "small" },
      },
    ],
  };
  const options = { environment: { KEY: "s3cret-3" }, maxTextBytes: 100 };
  const shown = describeCatalogue(loadCatalogue(JSON.stringify(file), options));
  assert.doesNotMatch(shown, /s3cret/);
  const { providers, processors } = JSON.parse(shown);
  assert.equal(providers[0].timeoutMs, 30_000);
  assert.deepEqual(providers[0].headers, { authorization: "********", "x-key": "********" });
  assert.deepEqual(providers[0].options, { api_key: "********", model: "small" });
  assert.deepEqual(processors[0].providers, ["a"]);
});
