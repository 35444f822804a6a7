/** The providers' files that are shipped, by Parley's own loader. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadCatalogue } from "../../server/src/dispatch/providers/load-catalogue.ts";
import { manifests, readText } from "./files.ts";

const options = { environment: { PROVIDER_KEY: "key" }, maxTextBytes: 65_536 };

test("Compose's names the simulated providers with the quotas that they have", () => {
  const { providers, currency, spendCapMicros } = loadCatalogue(readText("providers.json"), options);
  const [free, paid] = [...providers.values()];
  assert.deepEqual([free?.id, free?.priceMicros, paid?.id, paid?.priceMicros], ["free", 0, "paid", 2_000]);
  assert.deepEqual([currency, spendCapMicros], ["USD", 5_000_000]);
  const compose = readText("compose.yaml");
  const quota = free!.quotas[0]!;
  assert.ok(compose.includes(`"${quota.kind}:${quota.limit}/${quota.windowMs / 1_000}s"`));
  assert.ok(compose.includes(`--price, "${paid!.priceMicros / 1_000_000}"`));
});

test("Kubernetes' is whole but for the key, which is a secret", () => {
  const map = manifests().find(
    ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "parley-providers",
  );
  const text = map.data["providers.json"];
  assert.equal(loadCatalogue(text, options).providers.get("paid")?.headers.authorization, "Bearer key");
  assert.throws(() => loadCatalogue(text, { ...options, environment: {} }), /PROVIDER_KEY/);
});
