/** Sends, against a server that loses connections, answers and pushes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { record, startClients, storedTexts, upTo } from "../test/clients.ts";
import { until } from "../test/until.ts";
import type { OutboxEntry, ParleyError } from "./client.ts";

const { pair, server, signedIn } = await startClients();

describe("sending", () => {
  test("keeps the order and doubles nothing, whatever breaks", async () => {
    const trouble = fc.constantFrom("none", "drop-before", "drop-after", "drop-now");
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { minLength: 1, maxLength: 40 }), async (troubles) => {
        const { ada, bob, chat } = await pair();
        const waiting = new Map(troubles.map((kind, index) => [String(index), kind]));
        const strike = (text: string, kind: string) => waiting.get(text) === kind && waiting.delete(text);
        server.trouble.beforeCommit = (text) => (strike(text, "drop-before") ? "drop" : undefined);
        server.trouble.dropsAnswer = (text) => strike(text, "drop-after");
        const texts = [...troubles.keys()].map(String);
        const sends = texts.map((text) => {
          const sent = ada.sendMessage(chat.id, text);
          if (troubles[Number(text)] === "drop-now") server.dropAll();
          return sent;
        });
        const messages = await Promise.all(sends);
        assert.deepEqual(storedTexts(chat), texts);
        assert.deepEqual(
          messages.map(({ seq, text }) => [seq, text]),
          texts.map((text, i) => [i + 1, text]),
        );
        assert.deepEqual(ada.outbox(), []);
        ada.close();
        bob.close();
      }),
      { numRuns: 40 },
    );
  });

  test("keeps its place through refusals that pass, one chat not holding up another", async () => {
    const { ada, chat } = await pair();
    const other = server.state.createChat([ada.user!.id]);
    let refusals = 5;
    server.trouble.beforeCommit = (text) =>
      text.startsWith("a") && refusals-- > 0 ? "overloaded" : undefined;
    // One by one: of many in flight, a server may refuse one and take the next.
    const first = ada.sendMessage(chat.id, "a1");
    await ada.sendMessage(other.id, "b1");
    await first;
    await ada.sendMessage(chat.id, "a2");
    assert.deepEqual(storedTexts(chat), ["a1", "a2"]);
    assert.deepEqual(storedTexts(other), ["b1"]);
  });

  test("a message that is refused fails, the ones after it go on, and it can be sent again", async () => {
    const { ada, chat } = await pair();
    const told: string[] = [];
    ada.on("outbox", ({ text, state }) => told.push(`${text} ${state}`));
    server.trouble.beforeCommit = (text) => (text === "bad" ? "forbidden" : undefined);
    const bad = ada.sendMessage(chat.id, "bad");
    const good = ada.sendMessage(chat.id, "good");
    await assert.rejects(bad, { code: "forbidden" });
    await good;
    const [failed] = ada.outbox(chat.id) as [OutboxEntry];
    assert.equal(failed.state, "failed");
    assert.equal((failed.error as ParleyError).code, "forbidden");
    server.trouble = {};
    ada.retryMessage(failed.clientId);
    await until("it was sent", () => ada.outbox().length === 0);
    assert.deepEqual(storedTexts(chat), ["good", "bad"]);
    assert.deepEqual(told, [
      "bad pending",
      "good pending",
      "bad failed",
      "good sent",
      "bad pending",
      "bad sent",
    ]);
  });

  test("a failed message can be discarded", async () => {
    const { ada, chat } = await pair();
    server.trouble.beforeCommit = () => "forbidden";
    await assert.rejects(ada.sendMessage(chat.id, "bad"));
    ada.discardMessage(ada.outbox()[0]!.clientId);
    assert.deepEqual(ada.outbox(), []);
  });

  test("an error of the server's own holds up the queue only so long", async () => {
    const { ada, chat } = await pair();
    server.trouble.beforeCommit = (text) => (text === "poison" ? "internal" : undefined);
    const poison = ada.sendMessage(chat.id, "poison");
    const good = ada.sendMessage(chat.id, "good");
    await assert.rejects(poison, { code: "internal" });
    await good;
  });

  test("who retries everything twice makes no duplicate", async () => {
    const { ada, chat } = await pair();
    for (const text of ["1", "2", "3"]) {
      const clientId = `id-${text}`;
      const [first, second] = await Promise.all([
        ada.sendMessage(chat.id, text, { clientId }),
        ada.sendMessage(chat.id, text, { clientId }),
      ]);
      const third = await ada.sendMessage(chat.id, text, { clientId });
      assert.equal(second.id, first.id);
      assert.equal(third.id, first.id);
    }
    assert.deepEqual(storedTexts(chat), ["1", "2", "3"]);
  });

  test("hundreds in flight arrive in order", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    const texts = upTo(2000).map(String);
    await Promise.all(texts.map((text) => ada.sendMessage(chat.id, text)));
    await until("all arrived", () => heard.texts.length === 2000);
    assert.deepEqual(heard.texts, texts);
  });

  test("works without a connection, over HTTP, in order; what is under way ends before the socket takes over", async () => {
    server.trouble = {};
    const client = await signedIn();
    const chat = server.state.createChat([client.user!.id]);
    const texts = upTo(10).map(String);
    const sends = texts.map((text) => client.sendMessage(chat.id, text));
    await sends[3];
    await Promise.all([client.connect(), ...sends]);
    assert.deepEqual(storedTexts(chat), texts);
    assert.ok(server.requests.includes(`POST /v2/chats/${chat.id}/messages`));
  });

  test("the outbox is bounded", async () => {
    server.trouble = { beforeCommit: () => "overloaded" };
    const client = await signedIn({ maxQueued: 2, backoff: { minMs: 60_000, maxMs: 60_000 } });
    const chat = server.state.createChat([client.user!.id]);
    await client.connect();
    void client.sendMessage(chat.id, "1");
    void client.sendMessage(chat.id, "2");
    await assert.rejects(client.sendMessage(chat.id, "3"), { code: "outbox-full" });
  });

  test("signing out gives up what was not sent", async () => {
    const { ada, chat } = await pair();
    server.trouble = { beforeCommit: () => "overloaded" };
    const sending = ada.sendMessage(chat.id, "never");
    await ada.signOut();
    await assert.rejects(sending, { code: "signed-out" });
    assert.equal(ada.state, "signed-out");
    assert.deepEqual(ada.outbox(), []);
  });
});
