import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Message } from "@parley/api/v2/event";
import { sweepAbandoned } from "#messenger/attachments/abandoned.ts";
import { noteAttaching } from "#messenger/store-attachments.ts";
import { storeSends } from "#messenger/store-sends.ts";
import { toPublicError } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeBlobs } from "#test/fake-blobs.ts";
import { codeOf, createGroup, newUsers, publishedTo, send, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";
import { until } from "#test/until.ts";

const { url, database } = await createTestDatabase();
const blobs = createFakeBlobs();
const messenger = await startMessenger(url, {}, { blobs });

async function pair() {
  const [anna, bob] = newUsers(2) as [string, string];
  blobs.put(anna, "note", { contentType: "text/plain", size: 7 });
  blobs.put(anna, "photo", { contentType: "image/jpeg", size: 2_000 });
  const { id: chatId } = await createGroup(messenger, [anna, bob]);
  const sendFiles = async (keys: string[], more: { text?: string; clientId?: string } = {}) => {
    const attachments = keys.map((key) => ({ key, name: `${key}.bin` }));
    const { message } = await messenger.as(anna).sendMessage({ chatId, text: "look", ...more, attachments });
    return message!;
  };
  const history = async () => (await messenger.as(bob).listMessages({ chatId })).messages;
  const find = (reader: string, message: Message, attachmentId = message.attachments[0]!.id) => {
    const place = { chatId, messageId: message.id, attachmentId };
    return messenger.internalAs(reader).findAttachment(place);
  };
  return { anna, bob, chatId, sendFiles, history, find };
}

const noQueue = { enqueue: async () => {}, wake() {} };

test("a message has its attachments wherever it is shown, and nobody is told their objects", async () => {
  const { anna, bob, chatId, sendFiles, history } = await pair();
  const message = await sendFiles(["note", "note"]);
  assert.deepEqual(
    message.attachments.map(({ name, contentType, size, pending }) => [name, contentType, size, pending]),
    [
      ["note.bin", "text/plain", 7, false],
      ["note.bin", "text/plain", 7, false],
    ],
  );
  assert.deepEqual(await history(), [message]);
  const { chats } = await messenger.as(bob).listChats({});
  assert.deepEqual(chats[0]!.lastMessage, message);
  const { events } = await messenger.as(anna).listEvents({ chatId, after: 0 });
  assert.deepEqual(events.map((event) => event.message).at(-1), message);
  assert.deepEqual(publishedTo(messenger, `chat:${chatId}`).at(-1)?.message, message);
  const told = JSON.stringify([await history(), chats, events], (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  for (const { objectId } of blobs.held.values()) assert.ok(!told.includes(objectId));
});

test("pictures are told once more, with size and thumbnail, when they have been looked at", async () => {
  const { bob, chatId, sendFiles, history, find } = await pair();
  const message = await sendFiles(["photo", "note"], { text: "" });
  assert.deepEqual(
    message.attachments.map(({ pending }) => pending),
    [true, false],
  );
  await until("it is looked at", async () => !(await history())[0]!.attachments[0]!.pending);
  const [picture, note] = (await history())[0]!.attachments;
  assert.deepEqual([picture!.width, picture!.height, picture!.hasThumbnail], [640, 480, true]);
  assert.deepEqual([note!.width, note!.hasThumbnail], [0, false]);
  const events = publishedTo(messenger, `chat:${chatId}`);
  assert.deepEqual(
    events.map(({ kind, seq }) => [kind, seq]),
    [
      ["message", 1],
      ["attachments", 2],
    ],
  );
  assert.deepEqual(events[1]!.message, (await history())[0]);
  const found = await find(bob, message);
  assert.equal(found.thumbnail?.contentType, "image/webp");
  assert.deepEqual(found.attachment, picture);
  assert.deepEqual(await findViolations(database), []);
});

test("a retry has the first outcome, also when the key is gone or blobs is away", async () => {
  const { anna, sendFiles, history } = await pair();
  const first = await sendFiles(["note"], { clientId: "c1" });
  assert.deepEqual(await sendFiles(["note"], { clientId: "c1" }), first);
  blobs.remove(anna, "note");
  assert.deepEqual(await sendFiles(["note"], { clientId: "c1" }), first);
  blobs.failure = "unavailable";
  assert.deepEqual(await sendFiles(["note"], { clientId: "c1" }), first);
  blobs.failure = undefined;
  assert.equal((await history()).length, 1);
});

test("what cannot be attached refuses the message, and stores nothing", async () => {
  const { anna, bob, chatId, sendFiles, history } = await pair();
  blobs.put(bob, "of bob", {});
  for (const key of ["nothing", "of bob"]) {
    const refusal = await sendFiles(["note", key]).then(() => assert.fail("it was sent"), toPublicError);
    assert.equal(refusal.code, "blob-not-found");
    assert.equal(refusal.violations[0]?.field, "attachments[1].key");
  }
  blobs.failure = "unavailable";
  assert.equal(await codeOf(sendFiles(["note"])), "blob-store-unavailable");
  blobs.failure = undefined;
  assert.deepEqual(await history(), []);
  await send(messenger, { userId: anna, chatId });
});

test("other sends of a batch do not wait for blobs", async () => {
  const { anna, chatId, sendFiles, history } = await pair();
  const waiting = Promise.withResolvers<void>();
  blobs.beforeAttach = () => waiting.promise;
  const slow = sendFiles(["note"]);
  await send(messenger, { userId: anna, chatId, text: "quick" });
  assert.deepEqual(
    (await history()).map(({ text }) => text),
    ["quick"],
  );
  waiting.resolve();
  blobs.beforeAttach = async () => {};
  assert.equal((await slow).seq, 2);
});

test("refuses malformed attachments by name", async () => {
  const { anna, chatId } = await pair();
  const refusals: Array<[attachments: Array<{ key: string; name: string }>, field: string]> = [
    [Array.from({ length: 11 }, () => ({ key: "note", name: "" })), "attachments"],
    [[{ key: "", name: "" }], "attachments[0].key"],
    [[{ key: "é".repeat(513), name: "" }], "attachments[0].key"],
    [[{ key: "\ud800", name: "" }], "attachments[0].key"],
    [[{ key: "note", name: "../../etc/passwd" }], "attachments[0].name"],
    [[{ key: "note", name: "a\\b" }], "attachments[0].name"],
    [[{ key: "note", name: ".." }], "attachments[0].name"],
    [[{ key: "note", name: "a\r\nSet-Cookie: b" }], "attachments[0].name"],
    [[{ key: "note", name: "photo\u202Egpj.exe" }], "attachments[0].name"],
    [[{ key: "note", name: "\0" }], "attachments[0].name"],
    [[{ key: "note", name: "a".repeat(256) }], "attachments[0].name"],
  ];
  for (const [attachments, field] of refusals) {
    const sent = messenger.as(anna).sendMessage({ chatId, text: "look", attachments });
    const { code, violations } = await sent.then(() => assert.fail("it was sent"), toPublicError);
    assert.deepEqual([code, violations[0]?.field], ["invalid-input", field]);
    const send = { senderId: anna, chatId, clientId: randomUUID(), text: "", replyTo: "", attachments };
    const { outcomes } = await messenger.internal.sendMessages({ sends: [send] });
    assert.equal(outcomes[0]!.violations[0]?.field, field);
  }
});

test("members find an attachment as long as they are members and the message stands; nobody else does", async () => {
  const { anna, bob, chatId, sendFiles, find } = await pair();
  const message = await sendFiles(["note"]);
  const other = await sendFiles(["note"]);
  const { objectId, etag } = blobs.held.get(message.attachments[0]!.id)!;
  for (const reader of [anna, bob]) {
    const found = await find(reader, message);
    assert.deepEqual([found.objectId, found.etag], [objectId, etag]);
  }
  assert.equal(await codeOf(find(randomUUID(), message)), "chat-not-found");
  assert.equal(await codeOf(find(bob, message, other.attachments[0]!.id)), "attachment-not-found");
  assert.equal(await codeOf(find(bob, message, randomUUID())), "attachment-not-found");
  await messenger.as(anna).removeMember({ chatId, userId: bob });
  assert.equal(await codeOf(find(bob, message)), "chat-not-found");
  await messenger.as(anna).deleteMessage({ chatId, messageId: message.id });
  assert.equal(await codeOf(find(anna, message)), "attachment-not-found");
  assert.ok(await find(anna, other));
});

test("a deleted message has no attachments, and they are released once blobs can be reached", async () => {
  const { anna, chatId, sendFiles, history } = await pair();
  const message = await sendFiles(["note", "note"], { text: "" });
  blobs.failure = "unavailable";
  await messenger.as(anna).deleteMessage({ chatId, messageId: message.id });
  assert.deepEqual((await history())[0]!.attachments, []);
  for (const { id } of message.attachments) assert.ok(blobs.held.has(id));
  blobs.failure = undefined;
  await until("they are released", () => message.attachments.every(({ id }) => !blobs.held.has(id)));
  assert.deepEqual(await findViolations(database), []);
});

test("an edit keeps attachments, and may leave nothing but them", async () => {
  const { anna, chatId, sendFiles, history } = await pair();
  const message = await sendFiles(["note"]);
  const edit = (text: string, messageId = message.id) =>
    messenger.as(anna).editMessage({ chatId, messageId, text });
  await edit("other");
  assert.deepEqual((await history())[0]!.attachments, message.attachments);
  await edit("");
  const [edited] = await history();
  assert.deepEqual([edited!.text, edited!.attachments], ["", message.attachments]);
  const plain = await send(messenger, { userId: anna, chatId });
  assert.equal(await codeOf(edit("", plain.id)), "invalid-input");
  assert.deepEqual(await findViolations(database), []);
});

test("what no message came of is released, and a message that comes too late does not get it", async () => {
  const { anna, chatId, sendFiles } = await pair();
  await sendFiles(["note"]);
  assert.equal(await codeOf(sendFiles(["note"], { clientId: "x".repeat(65) })), "invalid-input");
  const ids = [randomUUID()];
  await noteAttaching(database, chatId, ids);
  const released: string[] = [];
  const release = {
    ...noQueue,
    enqueue: async (_: unknown, { attachmentIds }: { attachmentIds: string[] }) =>
      void released.push(...attachmentIds),
  };
  await sweepAbandoned({ database, release }, AbortSignal.timeout(5_000));
  assert.equal(released.length, 0, "it may still come");
  await sweepAbandoned({ database, release }, AbortSignal.timeout(5_000), 0);
  assert.ok(released.includes(ids[0]!));
  const attachment = { id: ids[0]!, objectId: randomUUID(), etag: "", name: "", contentType: "", size: 1 };
  const late = {
    chatId,
    senderId: anna,
    clientId: randomUUID(),
    text: "late",
    replyToSeq: null,
    attachments: [{ ...attachment, width: 0, height: 0, isPending: false }],
  };
  const { outcomes } = await storeSends(database, [late]);
  assert.deepEqual(outcomes, [{ refusal: "timeout" }]);
  assert.deepEqual(await findViolations(database), []);
});

test("a transaction that fails takes nothing of blobs along: the retry is a message, the first attempt is released", async () => {
  const { anna, chatId } = await pair();
  const mallory = randomUUID();
  blobs.put(mallory, "own", {});
  const attachments = [{ key: "own", name: "" }];
  assert.equal(
    await codeOf(messenger.as(mallory).sendMessage({ chatId, clientId: "c", text: "in", attachments })),
    "chat-not-found",
  );
  await messenger.as(anna).addMembers({ chatId, userIds: [mallory] });
  const { message } = await messenger
    .as(mallory)
    .sendMessage({ chatId, clientId: "c", text: "in", attachments });
  const released: string[] = [];
  const release = {
    ...noQueue,
    enqueue: async (_: unknown, job: { attachmentIds: string[] }) => void released.push(...job.attachmentIds),
  };
  await sweepAbandoned({ database, release }, AbortSignal.timeout(5_000), 0);
  assert.equal(released.length, 1);
  assert.ok(!released.includes(message!.attachments[0]!.id));
});

test("pictures that blobs cannot be asked about now are looked at later, and those that are gone are files", async () => {
  const { chatId, sendFiles, history } = await pair();
  let isAway = true;
  const lookedBefore = blobs.looked.length;
  const prepare = blobs.prepareAttachment;
  blobs.prepareAttachment = async (request, options) => {
    if (isAway) blobs.failure = "unavailable";
    try {
      return await prepare(request, options);
    } finally {
      blobs.failure = undefined;
    }
  };
  const message = await sendFiles(["photo"]);
  await until("it was asked", () => blobs.looked.length > lookedBefore);
  assert.ok((await history())[0]!.attachments[0]!.pending);
  await blobs.releaseAttachments({ attachmentIds: [message.attachments[0]!.id] });
  isAway = false;
  await until("it is over", async () => !(await history())[0]!.attachments[0]!.pending, 20_000);
  assert.equal((await history())[0]!.attachments[0]!.hasThumbnail, false);
  assert.equal(publishedTo(messenger, `chat:${chatId}`).length, 2);
  blobs.prepareAttachment = prepare;
});
