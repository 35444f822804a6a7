import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fault } from "#platform/errors.ts";
import { createFakeBlobService } from "#test/fake-blob-service.ts";
import { startGateway } from "#test/gateway.ts";
import { openRaw, type RawConnection, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const service = createFakeBlobService();
const maxBytes = 1_048_576;
const config = { PARLEY_KV_MAX_BYTES: maxBytes, PARLEY_CALLER_MAX_TRANSFERS: 2 };
const gateway = await startGateway({ routes: service.routes, config });
const authorization = `Bearer ${gateway.token}`;

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(gateway.url + path, { ...init, headers: { authorization, ...init.headers } });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

const put = (value: object) => ask("/put/", { method: "POST", body: JSON.stringify(value) });
const get = (key: string) => ask(`/get/${encodeURIComponent(key)}`);

test("any bytes come back under any key", async () => {
  const key = fc.oneof(fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }), fc.webPath());
  // Clients take these out of a URL.
  const keys = key.filter((text) => text !== "" && text !== "." && text !== "..");
  await fc.assert(
    fc.asyncProperty(keys, fc.uint8Array({ maxLength: 20_000, size: "max" }), async (name, bytes) => {
      const data = Buffer.from(bytes).toString("base64");
      assert.equal((await put({ key: name, extension: "bin", data })).status, 200);
      assert.deepEqual(await get(name), { status: 200, body: { key: name, extension: "bin", data } });
    }),
    { numRuns: 40 },
  );
});

test("the largest value comes and goes in several chunks", async () => {
  const data = Buffer.alloc(maxBytes, "largest").toString("base64");
  assert.equal((await put({ key: "largest", data })).status, 200);
  assert.equal((await get("largest")).body.data, data);
});

test("without a token nothing of a body is taken in", async () => {
  const connection = await openRaw(gateway.httpPort);
  connection.send(requestHead("POST /put/", { "content-length": 1_000_000 }));
  assert.match(await connection.receive(/\}/), /^HTTP\/1.1 401 .*\{"msg":/s);
});

test("what is longer than any value is refused before it has come", async () => {
  const connection = await openRaw(gateway.httpPort);
  connection.send(requestHead("POST /put/", { authorization, "content-length": 2 * maxBytes }));
  assert.match(await connection.receive(/\}/), /^HTTP\/1.1 413 .*\{"msg":/s);
});

test("more at once than a caller may have are refused, until one of them has ended or gone", async () => {
  const body = JSON.stringify({ key: "slow", data: "" });
  const begin = async () => {
    const connection = await openRaw(gateway.httpPort);
    connection.send(requestHead("POST /put/", { authorization, "content-length": body.length }));
    return connection;
  };
  const isFree = async () => (await get("largest")).status === 200;
  // Nobody knows which of them the server takes first.
  const three = [await begin(), await begin(), await begin()];
  const isAnswered = ({ received }: (typeof three)[number]) => received().includes("}");
  await until("one is refused, as the others have the places", () => three.some(isAnswered));
  const [first, second] = three.filter((one) => !isAnswered(one)) as [RawConnection, RawConnection];
  assert.match(three.find(isAnswered)!.received(), /^HTTP\/1.1 429 /);
  const { status, body: refusal } = await get("largest");
  assert.deepEqual([status, Object.keys(refusal)], [429, ["msg"]]);
  first.socket.destroy();
  await until("its place is free", isFree);
  second.send(body);
  assert.match(await second.receive(/\}/), /^HTTP\/1.1 200 /);
  assert.equal(await isFree(), true);
});

test("more bytes at once than a pod may hold are refused, whoever sends them, until some of them are gone", async () => {
  const { httpPort, token } = await startGateway({
    routes: service.routes,
    config: {
      PARLEY_KV_MAX_BYTES: 67_108_864,
      PARLEY_KV_PUBLIC: "true",
      PARLEY_TRUSTED_PROXIES: ["127.0.0.1"],
    },
  });
  const small = '{"key": "small", "data": ""}';
  const begin = async (length: number, who: Record<string, string>) => {
    const connection = await openRaw(httpPort);
    connection.send(requestHead("POST /put/", { ...who, "content-length": length }));
    return connection;
  };
  const statusOfSmall = async (who: Record<string, string> = { authorization: `Bearer ${token}` }) => {
    const connection = await begin(small.length, who);
    connection.send(small);
    return (await connection.receive(/\}/)).slice(9, 12);
  };
  const large: Awaited<ReturnType<typeof begin>>[] = [];
  const beginLarge = async (address: string) =>
    large.push(await begin(67_108_864 * 1.5 + 16_384, { "x-forwarded-for": address }));
  await beginLarge("192.0.2.0");
  const again = () => statusOfSmall({ "x-forwarded-for": "192.0.2.0" });
  await until("one caller has all that one may have", async () => (await again()) === "429");
  assert.equal(await statusOfSmall(), "200");
  for (let i = 1; i < 4; i++) await beginLarge(`192.0.2.${i}`);
  await until("there is no room left", async () => (await statusOfSmall()) === "503");
  large[0]!.socket.destroy();
  await until("there is room again", async () => (await statusOfSmall()) === "200");
  for (const { socket } of large) socket.destroy();
});

test("a store that fails is told of in the old shape, and nothing is half of a value", async () => {
  service.state.refusePut = fault("blob-store-unavailable");
  const refused = await put({ key: "refused", data: "aGVsbG8=" });
  service.state.refusePut = undefined;
  assert.deepEqual([refused.status, Object.keys(refused.body)], [503, ["msg"]]);
  assert.equal((await get("refused")).status, 404);

  service.state.failReadAfter = 65_536;
  const broken = await get("largest");
  service.state.failReadAfter = Number.POSITIVE_INFINITY;
  assert.deepEqual([broken.status, Object.keys(broken.body)], [503, ["msg"]]);
});

test("a blob that is too large for this API is not read at all", async () => {
  service.keep("huge", Buffer.alloc(maxBytes + 1), "image/png", {});
  const readsBefore = service.state.endedReads;
  assert.equal((await get("huge")).status, 413);
  assert.equal(service.state.endedReads, readsBefore);
});
