import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, publishedTo, startMessenger } from "#test/messenger-fixture.ts";
import { findViolations } from "#test/messenger-invariants.ts";

const { url, database } = await createTestDatabase();

/** Cuts every connection of the messengers, whatever they are doing. */
async function cutConnections() {
  await database.query({
    name: "test.cut-connections",
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'parley-test-messenger'`,
  });
}

test("while connections break nothing is acknowledged that is not stored, and retries are stored once", async () => {
  const messenger = await startMessenger(url);
  const users = newUsers(3);
  const { id: chatId } = await createGroup(messenger, users);
  const acknowledged = new Map<string, number>();
  const codes = new Set<string>();
  const writeAll = async (senderId: string) => {
    for (let round = 0; round < 40; round++) {
      let sends = Array.from({ length: 10 }, () => ({
        senderId,
        chatId,
        clientId: randomUUID(),
        text: "text",
        replyTo: "",
      }));
      for (let attempt = 0; sends.length > 0; attempt++) {
        assert.ok(attempt < 100, "it never recovered");
        const isCutRound = round % 4 === 0 && attempt === 0;
        const sending = messenger.internal.sendMessages({ sends });
        if (isCutRound) await cutConnections();
        const { outcomes } = await sending;
        for (const { errorCode } of outcomes) if (errorCode) codes.add(errorCode);
        for (const { message } of outcomes) if (message) acknowledged.set(message.clientId, message.seq);
        sends = sends.filter((_, index) => outcomes[index]!.errorCode !== "");
      }
    }
  };
  await Promise.all(users.map(writeAll));

  assert.deepEqual([...codes], ["unavailable"]);
  assert.equal(acknowledged.size, 1_200);
  const stored = new Map<string, number>();
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { messages: Array<{ clientId: string; seq: number }>; nextAfter?: number | undefined } =
      await messenger.as(users[0]!).listMessages({ chatId, after, limit: 200 });
    for (const { clientId, seq } of page.messages) stored.set(clientId, seq);
    after = page.nextAfter;
  }
  assert.deepEqual(stored, new Map([...acknowledged].sort(([, one], [, other]) => one - other)));
  assert.deepEqual(await findViolations(database), []);
  const told = publishedTo(messenger, `chat:${chatId}`).map(({ seq }) => seq!);
  assert.deepEqual(
    told,
    told.toSorted((one, other) => one - other),
    "published in order",
  );
});
