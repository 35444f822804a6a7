/** Values of many chunks, out of a real store: the memory of each chunk is given back once the next one has come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askOf, createOldAccount } from "#test/old-clients.ts";
import { startParley } from "#test/parley.ts";

const { url } = await startParley({ PARLEY_THROTTLING: "off" });
const ask = askOf(url);
const { credentials } = await createOldAccount(ask, "hoarder");
const headers = credentials.social;

for (const size of [0, 1, 1_000_000, 8_388_608]) {
  test(`a value of ${size} bytes comes back as it was`, async () => {
    const data = Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 16)) & 0xff));
    const text = data.toString("base64");
    const stored = await ask("POST /put/", { headers, json: { key: "large", extension: "bin", data: text } });
    assert.equal(stored.status, 200, JSON.stringify(stored.body));
    const found = await ask("GET /get/large", { headers });
    assert.deepEqual([found.status, found.body.extension], [200, "bin"]);
    assert.ok(found.body.data === text);
  });
}
