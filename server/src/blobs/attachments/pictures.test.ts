import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import sharp from "sharp";
import { PictureProcessLost, PictureWorker } from "#blobs/attachments/picture-worker.ts";
import { createPictures, type PicturesOptions } from "#blobs/attachments/pictures.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { hugeGif, noisyPicture, picture, pngBomb, uprightPhoto } from "#test/pictures.ts";
import { until } from "#test/until.ts";

const config = {
  PARLEY_PICTURE_PROCESSES: 1,
  PARLEY_PICTURE_MAX_BYTES: 33_554_432,
  PARLEY_PICTURE_MAX_PIXELS: 64_000_000,
};

function start(more: Partial<PicturesOptions> = {}) {
  const pictures = createPictures({
    config,
    telemetry: noTelemetry,
    log: createLog("silent"),
    // However busy the machine is.
    timeoutMs: 60_000,
    ...more,
  });
  after(() => pictures.stop());
  return pictures;
}

const sourceOf = (bytes: Uint8Array, chunkBytes = 65_536) => ({
  size: bytes.length,
  async *read() {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      await turn();
      yield bytes.subarray(at, at + chunkBytes);
    }
  },
});

const pictures = start();
const look = (bytes: Uint8Array, chunkBytes?: number) => pictures.look(sourceOf(bytes, chunkBytes));

test("pictures have their size, and a thumbnail that fits", async () => {
  for (const format of ["jpeg", "png", "gif", "webp", "avif"] as const) {
    const { width, height, thumbnail } = await look(await picture(format, 1_200, 900));
    assert.deepEqual([format, width, height], [format, 1_200, 900]);
    const small = await sharp(thumbnail).metadata();
    assert.deepEqual([small.format, small.width, small.height], ["webp", 480, 360]);
  }
});

test("it does not matter in what pieces a picture comes", async () => {
  const bytes = await noisyPicture(600, 500);
  const whole = await look(bytes, bytes.length);
  assert.ok(whole.thumbnail);
  for (const chunkBytes of [1_000, 4_099]) assert.deepEqual(await look(bytes, chunkBytes), whole);
});

test("a photo is shown as it was held, and its thumbnail does not say where", async () => {
  const { width, height, thumbnail } = await look(await uprightPhoto(1_000, 500));
  assert.deepEqual([width, height], [500, 1_000]);
  const small = await sharp(thumbnail).metadata();
  assert.deepEqual([small.width, small.height], [240, 480]);
  assert.deepEqual([small.exif, small.orientation, small.xmp], [undefined, undefined, undefined]);
});

test("a picture that is small is its own thumbnail", async () => {
  assert.deepEqual(await look(await picture("png", 480, 300)), { width: 480, height: 300 });
  assert.ok((await look(await noisyPicture(480, 480))).thumbnail);
});

test("what cannot be read, or unfolds to too much, is no picture; the next one is", async () => {
  const good = await noisyPicture(900, 900);
  const bad: Record<string, Uint8Array> = {
    bomb: pngBomb(30_000, 30_000),
    "huge GIF": hugeGif(),
    truncated: good.subarray(0, good.length / 2),
    "signature alone": good.subarray(0, 16),
    empty: new Uint8Array(1),
    SVG: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"/>'),
    HTML: Buffer.from("<!doctype html><script>alert(1)</script>"),
    PDF: Buffer.from("%PDF-1.7\n"),
    TIFF: await picture("tiff", 900, 900),
    "script that begins as a GIF": Buffer.from("GIF89a=1;alert(1)/*"),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    assert.deepEqual([name, await look(bytes)], [name, { width: 0, height: 0 }]);
  }
  assert.equal((await look(good)).width, 900);
});

test("a process that is lost over a picture takes nothing along: it is tried twice, and the next has another", async () => {
  const worker = new PictureWorker({
    limits: { maxBytes: 1_000_000, maxPixels: 1_000_000 },
    timeoutMs: 20_000,
    idleMs: 20_000,
  });
  after(() => worker.end());
  const bytes = await picture("png", 600, 600);
  await worker.look(sourceOf(bytes));
  const firstPid = worker.pid!;
  const killing = {
    size: bytes.length,
    async *read() {
      yield bytes.subarray(0, 100);
      process.kill(worker.pid!, "SIGKILL");
      await until("it is gone", () => !isThere(firstPid));
      yield bytes.subarray(100);
    },
  };
  await assert.rejects(worker.look(killing), PictureProcessLost);
  assert.equal((await worker.look(sourceOf(bytes))).width, 600);
  assert.notEqual(worker.pid, firstPid);
});

test("a picture that takes too long is none", async () => {
  const hasty = start({ timeoutMs: 1 });
  assert.deepEqual(await hasty.look(sourceOf(await noisyPicture(2_000, 2_000))), { width: 0, height: 0 });
});

test("without pictures, the process ends", async () => {
  const worker = new PictureWorker({
    limits: { maxBytes: 1_000_000, maxPixels: 1_000_000 },
    timeoutMs: 20_000,
    idleMs: 10,
  });
  await worker.look(sourceOf(await picture("png", 10, 10)));
  const pid = worker.pid;
  await until("it has ended", () => worker.pid === undefined && (pid === undefined || !isThere(pid)));
});

test("a store that fails is said, and not taken for a bad picture", async () => {
  const away = {
    size: 1_000,
    async *read() {
      yield new Uint8Array(10);
      throw fault("blob-store-unavailable");
    },
  };
  await assert.rejects(
    pictures.look(away),
    (error) => toPublicError(error).code === "blob-store-unavailable",
  );
  assert.equal((await look(await picture("png", 10, 10))).width, 10);
});

test("more pictures than places wait their turn; switched off, none is looked at", async () => {
  const bytes = await picture("png", 50, 50);
  const looked = await Promise.all(Array.from({ length: 20 }, () => look(bytes)));
  assert.ok(looked.every(({ width }) => width === 50));
  const off = start({ config: { ...config, PARLEY_PICTURE_PROCESSES: 0 } });
  assert.equal((await off.look(sourceOf(bytes))).width, 0);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
