/** Every providers file that the documentation shows can be used as it is. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import schema from "@parley/api/schemas/providers.schema.json" with { type: "json" };
import { loadCatalogue } from "#dispatch/providers/load-catalogue.ts";

const documentation = await readFile(new URL("../../../../docs/providers.md", import.meta.url), "utf8");

/** Whatever secret it names is set. */
const environment = new Proxy<Record<string, string>>({}, { get: () => "set" });

test("the examples of docs/providers.md", () => {
  const examples = [...documentation.matchAll(/^```jsonc\n(.*?)^```$/gms)].map(([, text]) => text!);
  assert.ok(examples.length >= 4);
  for (const example of examples) loadCatalogue(example, { environment, maxTextBytes: 65_536 });
});

test("docs/providers.md tells every field and every kind of quota", () => {
  const { $defs, properties } = schema;
  const fields = [
    ...Object.keys(properties).filter((name) => name !== "$schema" && name !== "spendCap"),
    ...Object.keys(properties.spendCap.properties).map((name) => `spendCap.${name}`),
    ...Object.keys($defs.provider.properties),
    ...Object.keys($defs.processor.properties),
    ...$defs.quota.properties.kind.enum,
  ];
  for (const field of fields) assert.ok(documentation.includes(`\n| \`${field}\` |`), field);
});
