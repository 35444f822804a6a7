/** Several processes on one database. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "@parley/client";
import { createTestDatabase } from "#test/database.ts";
import { startParley } from "#test/parley.ts";
import { newPerson, signedIn } from "#test/people.ts";

test("pods may start at the same moment on an empty database, and share accounts, keys and chats", async () => {
  const { url: DATABASE_URL } = await createTestDatabase();
  const PARLEY_SECRET_KEY = Buffer.alloc(32, 7).toString("base64");
  const environment = { DATABASE_URL, PARLEY_SECRET_KEY };
  const pods = await Promise.all([1, 2, 3].map(() => startParley(environment)));
  const [first, second, third] = pods.map((pod) => pod.url) as [string, string, string];

  const alice = await newPerson(first, "Alice");
  const bob = await newPerson(second, "Bob");
  const direct = { kind: "direct" as const, memberIds: [bob.id] };
  const made = await Promise.all([
    alice.client.createChat(direct),
    (await signedIn(third, alice.email)).createChat(direct),
    bob.client.createChat({ kind: "direct", memberIds: [alice.id] }),
  ]);
  assert.equal(new Set(made.map((chat) => chat.id)).size, 1, "a direct chat exists once per pair");

  const chatId = made[0]!.id!;
  const devices = await Promise.all([first, second, third].map((url) => signedIn(url, alice.email)));
  const sends = devices.flatMap((device, d) =>
    Array.from({ length: 50 }, (_, i) => device.sendMessage(chatId, `${d}.${i}`, { clientId: `${d}.${i}` })),
  );
  const messages: Message[] = await Promise.all(sends);
  const seqs = messages.map((message) => message.seq!).sort((a, b) => a - b);
  assert.deepEqual(
    seqs,
    seqs.map((_, i) => i + 1),
    "concurrent writers leave no gap and no double",
  );
  const [chat] = (await bob.client.listChats()).chats ?? [];
  assert.equal(chat?.unread, 150, "a read after acknowledged writes sees them on any pod");
});
