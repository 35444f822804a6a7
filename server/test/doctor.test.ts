/** `parley doctor` on a real database, in which each invariant is broken by hand. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { examine } from "#app/doctor-command.ts";
import { migrationsFolder } from "#blobs/service.ts";
import { messengerChecks } from "#messenger/doctor/messenger-checks.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, startMessenger } from "#test/messenger-fixture.ts";

const { url, database } = await createTestDatabase();
const messenger = await startMessenger(url);
const users = newUsers(3);
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const secrets = { PARLEY_SECRET_KEY: Buffer.alloc(32, 7).toString("base64") };

async function newChat(): Promise<string> {
  const { id: chatId } = await createGroup(messenger, users);
  const sends = ["one word", "another one", "the third"].map((text) => ({
    senderId: users[0]!,
    chatId,
    clientId: randomUUID(),
    text,
    replyTo: "",
  }));
  const { outcomes } = await messenger.internal.sendMessages({ sends });
  assert.deepEqual(outcomes.map(({ errorCode }) => errorCode).filter(Boolean), []);
  return chatId;
}

async function doctor(options: { mayRepair?: boolean; signal?: AbortSignal } = {}) {
  const said: string[] = [];
  const code = await examine({
    checks: messengerChecks,
    database,
    mayRepair: false,
    isDeep: true,
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    progress() {},
    ...options,
  });
  const wrong = said.flatMap((line) => /^WRONG {3}(.*):/.exec(line)?.[1] ?? []);
  return { code, wrong, text: said.join("\n") };
}

const sql = (text: string, ...values: unknown[]) =>
  database.withClient((client) => client.query(text, values));

const last = "seq = (SELECT max(seq) FROM messenger.messages m WHERE m.chat_id = $1)";
/** How each is broken, and whether it can be repaired. */
const breakages: { rule: string; break: string; isRepaired?: boolean }[] = [
  {
    rule: "seq is 1, 2, 3… over messages and events",
    break: "UPDATE messenger.chats SET last_seq = last_seq + 1 WHERE chat_id = $1",
  },
  {
    rule: "no is 1, 2, 3… over messages, in the order of seq",
    break: `UPDATE messenger.messages SET no = no + 5 WHERE chat_id = $1 AND ${last}`,
  },
  {
    rule: "memberCount counts the members",
    break: "UPDATE messenger.chats SET member_count = 7 WHERE chat_id = $1",
    isRepaired: true,
  },
  {
    rule: "a direct chat has two members, and any other with members one owner",
    break: "UPDATE messenger.members SET role = 'member' WHERE chat_id = $1",
  },
  {
    rule: "read positions lie within the chat",
    break: "UPDATE messenger.members SET read_no = 99 WHERE chat_id = $1",
    isRepaired: true,
  },
  {
    rule: "reactionCount counts the reactions",
    break: `UPDATE messenger.messages SET reaction_count = 2 WHERE chat_id = $1 AND ${last}`,
    isRepaired: true,
  },
  {
    rule: "a reply answers an earlier message of the chat",
    break: `UPDATE messenger.messages SET reply_to_seq = seq + 9 WHERE chat_id = $1 AND ${last}`,
  },
  {
    rule: "a message's words are those of its text",
    break: "UPDATE messenger.messages SET words = 'wrong' WHERE chat_id = $1",
    isRepaired: true,
  },
  {
    rule: "the vocabulary has every word",
    break: "DELETE FROM messenger.words WHERE $1::uuid IS NOT NULL",
    isRepaired: true,
  },
];

for (const { rule, break: statement, isRepaired = false } of breakages) {
  test(`finds${isRepaired ? ", and repairs," : ""} what breaks: ${rule}`, async (t) => {
    assert.deepEqual((await doctor()).wrong, []);
    const chatId = await newChat();
    t.after(() => removeChat(chatId));
    await sql(statement, chatId);
    const found = await doctor();
    assert.deepEqual([found.code, found.wrong], [1, [rule]]);
    assert.ok(found.text.includes("chat "), found.text);
    assert.doesNotMatch(found.text, /one word|another|third/);
    const { code, text } = await doctor({ mayRepair: true });
    assert.equal(code, isRepaired ? 0 : 1, text);
    assert.deepEqual((await doctor()).wrong, isRepaired ? [] : [rule]);
  });
}

test("finds rows of a chat that is not there", async () => {
  const chatId = await newChat();
  await sql("DELETE FROM messenger.chats WHERE chat_id = $1", chatId);
  const { code, wrong, text } = await doctor();
  assert.equal(code, 1);
  assert.ok(wrong.includes("nothing belongs to a chat that is not there"), text);
  assert.ok(text.includes(`chat ${chatId}`));
  await removeChat(chatId);
  assert.equal((await doctor()).code, 0);
});

test("says up to 20 examples and how many there are", async (t) => {
  const chatIds = await Promise.all(Array.from({ length: 25 }, newChat));
  t.after(() => Promise.all(chatIds.map(removeChat)));
  await sql("UPDATE messenger.chats SET member_count = 9");
  const { text } = await doctor();
  assert.equal(text.match(/^ +chat /gm)?.length, 20);
  assert.match(text, /and \d+ more/);
  assert.equal((await doctor({ mayRepair: true })).code, 0);
});

test("stops when it is told to", async () => {
  await newChat();
  await assert.rejects(doctor({ signal: AbortSignal.abort(new Error("stopped")) }), /stopped/);
});

async function removeChat(chatId: string) {
  for (const table of ["reactions", "processing", "messages", "events", "members", "chats"])
    await sql(`DELETE FROM messenger.${table} WHERE chat_id = $1`, chatId);
}

test("the command exits with 0, with 1, and with 2 when it cannot check", async () => {
  const run = async (args: string[], env: Record<string, string> = {}) =>
    promisify(execFile)(process.execPath, [main, "doctor", ...args], {
      env: { PATH: process.env.PATH ?? "", DATABASE_URL: url, ...secrets, ...env },
    }).then(
      ({ stdout }) => [0, stdout],
      ({ code, stdout, stderr }) => [code, stdout + stderr],
    );
  await migrate(database, "blobs", migrationsFolder, createLog("silent"));
  assert.match(String((await run(["--help"]))[1]), /Usage: parley doctor/);
  const chatId = await newChat();
  const healthy = await run([]);
  assert.equal(healthy[0], 0, String(healthy[1]));
  await sql("UPDATE messenger.chats SET member_count = 7 WHERE chat_id = $1", chatId);
  assert.equal((await run([]))[0], 1);
  assert.equal((await run(["--repair"]))[0], 0);
  assert.equal((await run(["--wrong"]))[0], 2);
  assert.equal((await run([], { DATABASE_URL: "postgres://127.0.0.1:1/none" }))[0], 2);
  await messenger.stop();
});
