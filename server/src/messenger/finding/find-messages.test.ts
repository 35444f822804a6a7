import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url } = await createTestDatabase();
const messenger = await startMessenger(url);

test("finds a message by another form of its word, and shows where", async () => {
  const [userId, other] = newUsers(2);
  const { id: chatId } = await createGroup(messenger, [userId!, other!]);
  await send(messenger, { userId: userId!, chatId, text: "Nothing about it here" });
  const sent = await send(messenger, {
    userId: userId!,
    chatId,
    text: "We were meeting for the meetings' sake",
  });
  const { hits, partial } = await messenger.internal.findMessages({
    userId: userId!,
    query: { terms: [{ text: "Meeting" }] },
  });
  assert.equal(partial, false);
  assert.deepEqual(
    hits.map(({ message }) => message!.id),
    [sent.id],
  );
  assert.deepEqual(
    hits[0]!.fragments.map(({ parts }) =>
      parts.map(({ text, match }) => (match ? `[${text}]` : text)).join(""),
    ),
    ["We were [meeting] for the [meetings]' sake"],
  );
});
