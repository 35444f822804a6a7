import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openCatalogue } from "#app/provider-catalogue.ts";
import { ConfigError, readConfig } from "#config/config.ts";
import { createLog } from "#platform/log.ts";
import { createStopList } from "#platform/stop-list.ts";

const log = createLog("silent");
const folder = await mkdtemp(join(tmpdir(), "parley-providers-"));
after(() => rm(folder, { recursive: true }));

function open(environment: Record<string, string>) {
  const stops = createStopList(log);
  after(() => stops.run());
  return { stops, catalogue: openCatalogue({ config: readConfig(environment), log, stops }) };
}

async function fileOf(text: string): Promise<string> {
  const path = join(folder, "providers.json");
  await writeFile(path, text);
  return path;
}

test("without a file there are two simulated providers, which end with the process's parts", async () => {
  const { stops, catalogue } = open({});
  const { providers, processors, paidAccess, privateHosts } = await catalogue;
  assert.equal(paidAccess, "everyone");
  assert.deepEqual(
    processors.get("default")!.providers.map(({ id, priceMicros }) => [id, priceMicros]),
    [
      ["free", 0],
      ["paid", 2_000],
    ],
  );
  const { url, quotas, idempotencyHeader } = providers.get("free")!;
  assert.deepEqual(quotas, [{ kind: "fixed-window", limit: 20, windowMs: 60_000, blockMs: 0, offsetMs: 0 }]);
  assert.ok(privateHosts.has(url.hostname));
  const ask = () =>
    fetch(url, { method: "POST", headers: { [idempotencyHeader!]: "1" }, body: '{"text":"quick start"}' });
  for (const answer of [await ask(), await ask()]) {
    assert.deepEqual(await answer.json(), { result: "QUICK START" });
  }
  const ledger = (await (await fetch(new URL("/ledger", url))).json()) as { accepted: number };
  assert.equal(ledger.accepted, 1);
  await stops.run();
  await assert.rejects(ask());
});

test("a file with faults stops the start with its lines; so does one that is not there", async () => {
  const path = await fileOf('{ "providers": [\n  { "id": "a", "url": "https://a.example" } ] }');
  for (const [named, says] of [
    [path, `${path}:2:3 providers[0] needs "price"`],
    ["/nowhere/providers.json", /^PARLEY_PROVIDERS names the file .* cannot be read \(ENOENT\)$/],
  ] as const) {
    await assert.rejects(open({ PARLEY_PROVIDERS: named }).catalogue, (error: Error) => {
      assert.ok(error instanceof ConfigError);
      if (typeof says === "string") assert.equal(error.message, says);
      else assert.match(error.message, says);
      return true;
    });
  }
});

test("a file is read, and texts are no longer than the setting allows", async () => {
  const path = await fileOf(
    `{ "providers": [{ "id": "a", "url": "https://a.example", "price": 0 }],
       "processors": [{ "id": "large", "maxTextBytes": 50000 }] }`,
  );
  const { processors } = await open({ PARLEY_PROVIDERS: path, PARLEY_PROCESS_MAX_TEXT_BYTES: "1000" })
    .catalogue;
  assert.deepEqual(
    [...processors.values()].map(({ maxTextBytes }) => maxTextBytes),
    [1_000, 1_000],
  );
});
