import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describeProgress } from "#app/rebuild-search-index-command.ts";
import { type RebuildProgress, rebuildTextIndex } from "#messenger/text-index/rebuild.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { spawnParley } from "#test/parley-process.ts";

const { url, database } = await createTestDatabase();
const never = new AbortController().signal;
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const sendingRounds = 30;

test("every entry is right afterwards, while messages are sent, edited and deleted", async () => {
  const messenger = await startMessenger(url);
  const users = newUsers(3);
  const chats = await Promise.all(Array.from({ length: 5 }, () => createGroup(messenger, users)));
  let nth = 0;
  const sendTo = async (chatId: string, count: number) => {
    const sends = Array.from({ length: count }, () => {
      const text = `message ${nth++} with the word ${letters(nth)}`;
      return { senderId: users[0]!, chatId, clientId: randomUUID(), text, replyTo: "" };
    });
    const { outcomes } = await messenger.internal.sendMessages({ sends });
    assert.deepEqual(outcomes.map(({ errorCode }) => errorCode).filter(Boolean), []);
    return outcomes.map(({ message }) => message!);
  };
  for (const { id } of chats) await sendTo(id, 300);
  await database.withClient(async (client) => {
    await client.query("UPDATE messenger.messages SET words = 'wrong' WHERE seq % 3 = 0");
    await client.query("DELETE FROM messenger.words");
  });
  assert.notDeepEqual(await findViolations(database), []);

  const progress: RebuildProgress[] = [];
  const rebuilding = rebuildTextIndex({ database, signal: never, onProgress: (one) => progress.push(one) });
  for (let round = 0; round < sendingRounds; round++) {
    const chatId = chats[round % chats.length]!.id;
    const [edited, deleted] = await sendTo(chatId, 10);
    const client = messenger.as(users[0]!);
    await client.editMessage({ chatId, messageId: edited!.id, text: `edited ${letters(round)}` });
    await client.deleteMessage({ chatId, messageId: deleted!.id });
  }
  assert.equal(await rebuilding, "done");
  assert.deepEqual(await findViolations(database), []);
  assert.ok(progress.at(-1)!.changed >= 500);
  assert.ok(progress.at(-1)!.seen >= 1_500);
  await messenger.stop();
});

/** A word for each number, since numbers are not in the vocabulary. */
const letters = (number: number) => number.toString(2).replaceAll("0", "a").replaceAll("1", "b");

test("interrupted, it stops between two pages; run again, it leaves what is right as it is", async () => {
  await database.withClient((client) => client.query("UPDATE messenger.messages SET words = 'wrong'"));
  const stopping = new AbortController();
  const onProgress = () => stopping.abort();
  assert.equal(await rebuildTextIndex({ database, signal: stopping.signal, onProgress }), "stopped");
  const rebuild = async () => {
    const progress: RebuildProgress[] = [];
    await rebuildTextIndex({ database, signal: never, onProgress: (one) => progress.push(one) });
    return progress.at(-1)!;
  };
  const first = await rebuild();
  assert.equal(first.changed, first.seen - 200);
  assert.equal((await rebuild()).changed, 0);
});

test("progress says how much is done, how fast, and how long it takes", () => {
  const progress = { seen: 5_000, total: 20_000, changed: 12, refused: 0, isWaiting: false };
  assert.equal(
    describeProgress(progress, 2_000),
    "5000 of 20000 messages (25 %), 12 were not right; 2500 a second, 6 s left",
  );
});

test("the command works beside the Parley that runs the built-in PostgreSQL, and without it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-rebuild-"));
  const dataDir = join(folder, "data");
  const rebuild = () =>
    promisify(execFile)(process.execPath, [main, "rebuild-search-index"], {
      env: { PATH: process.env.PATH ?? "", PARLEY_DATA_DIR: dataDir },
    });
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  assert.match((await rebuild()).stderr, /All messages are indexed/);
  await parley.end("SIGTERM");
  assert.match((await rebuild()).stderr, /All messages are indexed/);
  const help = await promisify(execFile)(process.execPath, [main, "rebuild-search-index", "--help"]);
  assert.match(help.stdout, /Usage: parley rebuild-search-index/);
  await rm(folder, { recursive: true, force: true });
});
