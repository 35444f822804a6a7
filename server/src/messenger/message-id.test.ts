import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { directChatId } from "#messenger/direct-chat-id.ts";
import { messageIdsOf, seqOfMessageId } from "#messenger/message-id.ts";

test("a message id leads back to its seq, in its own chat only", () => {
  const seqs = fc.integer({ min: 1, max: 2_147_483_647 });
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), seqs, (chatId, otherChatId, seq) => {
      const id = messageIdsOf(chatId)(seq);
      assert.match(id, /^[\w-]{27}$/);
      assert.equal(seqOfMessageId(chatId, id), seq);
      if (otherChatId !== chatId) assert.equal(seqOfMessageId(otherChatId, id), undefined);
    }),
  );
});

test("nothing else is a message id", () => {
  const chatId = randomUUID();
  fc.assert(fc.property(fc.string(), (text) => assert.equal(seqOfMessageId(chatId, text), undefined)));
  assert.equal(seqOfMessageId(chatId, messageIdsOf(chatId)(4_294_967_295)), undefined, "beyond any seq");
});

test("the id of a direct chat is a UUID that depends on the pair, not on its order", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), fc.uuid(), (one, two, three) => {
      const id = directChatId(one, two);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(directChatId(two, one), id);
      if (three !== two) assert.notEqual(directChatId(one, three), id);
    }),
  );
});
