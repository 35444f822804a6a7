/** Messages with attachments in a whole Parley: over every transport, with real blobs behind, and when processes end. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, test } from "node:test";
import { MessengerService } from "@parley/api/v2/messenger";
import { SearchService } from "@parley/api/v2/search";
import pg from "pg";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { parityCallers } from "#test/parity-callers.ts";
import { result } from "#test/parity-fixture.ts";
import { ampleSearchTime, inOneProcess, startParley } from "#test/parley.ts";
import { spawnParley } from "#test/parley-process.ts";
import { createAccount, signIn } from "#test/people.ts";
import { picture } from "#test/pictures.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const m = MessengerService.method;

async function startWithBlobs() {
  const { url: DATABASE_URL, database } = await createTestDatabase();
  const dataDir = await temporaryFolder();
  const parley = await startParley({ DATABASE_URL, PARLEY_DATA_DIR: dataDir, ...ampleSearchTime });
  const store = createFileStore(join(dataDir, "blobs"));
  // Another pod on the same store: what is put by one is there for all.
  const blobs = await startBlobPod({ database, store });
  return { parley, database, store, blobs };
}

const { parley, database, store, blobs } = await startWithBlobs();
const callers = parityCallers(parley);
const [ada, ben, eve] = await Promise.all(
  ["Ada", "Ben", "Eve"].map((name) => createAccount(parley.url, name)),
);
const adasBlobs = blobUser(blobs, ada!.id);
const anyCaller = callers[0]!;

async function newChat() {
  const group = { kind: "group", title: "Attachments", memberIds: [ben!.id] };
  const { chat } = await result(anyCaller, m.createChat, group, ada!.token);
  return chat.id as string;
}

const listed = async (chatId: string) =>
  (await result(anyCaller, m.listMessages, { chatId }, ben!.token)).messages;

const countHeld = async () => {
  const statement = { name: "test.count-held", text: "SELECT count(*) AS count FROM blobs.attachments" };
  const [row] = await database.query<{ count: number }>(statement);
  return row!.count;
};

for (const caller of callers) {
  test(`${caller.name}: a message with a picture, from its sending to its deletion`, async () => {
    const chatId = await newChat();
    const { used } = await adasBlobs.usage();
    const socket = await SocketClient.open(parley.wsUrl, ben!.token);
    await socket.resume();
    await adasBlobs.put("photo", await picture("jpeg", 1_200, 800), { contentType: "image/jpeg" });
    const attachments = [{ key: "photo", name: "nightingale.jpg" }];
    const send = { chatId, clientId: "c1", attachments };
    const sent = await result(caller, m.sendMessage, send, ada!.token);
    const [attachment] = sent.message.attachments;
    assert.deepEqual(
      [attachment.name, attachment.contentType, attachment.pending],
      ["nightingale.jpg", "image/jpeg", true],
    );
    await adasBlobs.delete("photo");
    const again = await result(caller, m.sendMessage, send, ada!.token);
    assert.deepEqual(again.message.id, sent.message.id);

    const isPrepared = ({ kind, chatId: id }: { kind?: string; chatId?: string }) =>
      kind === "attachments" && id === chatId;
    await until("it was looked at", () => socket.events.some(isPrepared));
    const [shown] = await listed(chatId);
    const told = socket.events.find(isPrepared)?.message?.attachments as object[];
    for (const one of [shown.attachments[0], told[0]]) {
      const { pending = false, ...rest } = one;
      const { pending: _, ...before } = attachment;
      assert.deepEqual(rest, { ...before, width: 1_200, height: 800, hasThumbnail: true });
      assert.equal(pending, false);
    }
    const q = "nightingale has:attachment";
    const { hits } = await result(anyCaller, SearchService.method.search, { q }, ben!.token);
    assert.ok(hits.some(({ message }: { message: { id: string } }) => message.id === sent.message.id));

    const held = await countHeld();
    assert.ok((await adasBlobs.usage()).used > used);
    await result(caller, m.deleteMessage, { chatId, messageId: sent.message.id }, ada!.token);
    assert.deepEqual((await listed(chatId))[0].attachments ?? [], []);
    await until("it is released", async () => (await countHeld()) === held - 1);
    assert.equal((await adasBlobs.usage()).used, used);
  });

  test(`${caller.name}: what cannot be attached is refused by name`, async () => {
    const chatId = await newChat();
    // One byte, which the refused attempts keep until they are swept.
    await adasBlobs.put("a", "a");
    const send = async (attachments: object[], token = ada!.token) => {
      const params = { chatId, text: "look", attachments };
      const answer = await caller.call(m.sendMessage, JSON.parse(JSON.stringify(params)), token);
      return [answer?.error?.code, ...(answer?.error?.fields ?? [])];
    };
    assert.deepEqual(await send([{ key: "a" }, { key: "b" }]), ["blob-not-found", "attachments[1].key"]);
    assert.deepEqual(await send([{ key: "a" }], ben!.token), ["blob-not-found", "attachments[0].key"]);
    assert.deepEqual(await send([{ key: "a", name: "a/b" }]), ["invalid-input", "attachments[0].name"]);
    const eleven = Array.from({ length: 11 }, () => ({ key: "a" }));
    assert.equal((await send(eleven))[0], "invalid-input");
    await blobUser(blobs, eve!.id).put("a", "of eve");
    assert.deepEqual(await send([{ key: "a" }], eve!.token), ["chat-not-found"]);
    assert.equal((await listed(chatId))?.length ?? 0, 0);
  });
}

test("everything holds together after all that", async () => {
  assert.deepEqual(await findViolations(database), []);
  await checkBlobInvariants({ database, store });
});

test("kill -9 between holding on to a blob and storing its message: sent again it is there once", {
  skip: inOneProcess("it is one process that is killed"),
}, async () => {
  const { url: DATABASE_URL, database: own } = await createTestDatabase();
  const dataDir = await temporaryFolder();
  const environment = {
    DATABASE_URL,
    PARLEY_DATA_DIR: dataDir,
    PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
  };
  const doomed = await spawnParley(environment);
  const pod = await startBlobPod({ database: own, store: createFileStore(join(dataDir, "blobs")) });
  const account = await createAccount(doomed.url, "Ada");
  const call = async (base: string, token: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${base}/v2${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers of several methods
    return (await response.json()) as any;
  };
  const { chat } = await call(doomed.url, account.token, "/chats", { kind: "group", title: "Zoo" });
  await blobUser(pod, account.id).put("a", "bytes");
  const unlock = await lockMessages(DATABASE_URL);
  const send = { clientId: randomUUID(), attachments: [{ key: "a", name: "a.txt" }] };
  const path = `/chats/${chat.id}/messages`;
  const cut = call(doomed.url, account.token, path, send).catch(() => "cut");
  const counts = async () => {
    const text = `SELECT (SELECT count(*) FROM blobs.attachments)::int AS held,
        (SELECT count(*) FROM messenger.attaching)::int AS attaching`;
    const [row] = await own.query<{ held: number; attaching: number }>({ name: "test.counts", text });
    return row!;
  };
  await until("blobs holds it", async () => (await counts()).held === 1);
  await doomed.end("SIGKILL");
  assert.equal(await cut, "cut");
  await unlock();
  assert.deepEqual(await counts(), { held: 1, attaching: 1 });

  const survivor = await spawnParley(environment);
  const { token } = await signIn(survivor.url, account.email);
  const { message } = await call(survivor.url, token, path, send);
  assert.equal(message.no, 1);
  assert.equal(message.attachments.length, 1);
  // Of the attempt that was cut, until the sweep comes by.
  assert.deepEqual(await counts(), { held: 2, attaching: 1 });
  assert.deepEqual(await findViolations(own), []);
});

/** Holds up whoever stores messages; of a process that was killed no statement comes through, wherever it is on its way. */
async function lockMessages(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE messenger.messages IN ACCESS EXCLUSIVE MODE");
  let isLocked = true;
  const unlock = async () => {
    if (!isLocked) return;
    isLocked = false;
    const others = `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name <> 'parley-test' AND pid <> pg_backend_pid()`;
    await client.query(others);
    await client.end();
  };
  after(unlock);
  return unlock;
}
