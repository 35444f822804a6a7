import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { beforeEach, describe, it } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { FindOrder } from "@parley/api/internal/messenger";
import { fault, toPublicError } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { as } from "#test/pod-user.ts";
import { createFakeMessenger, type FakeUser, hang, newMessages, startSearchPod } from "#test/search-pod.ts";

const { database } = await createTestDatabase();
const messenger = createFakeMessenger();
const user = randomUUID();
const annaIds = Array.from({ length: 30 }, () => randomUUID());
const bob = { id: randomUUID(), name: "Bob Miller", email: "bob@example.org" };
const users: FakeUser[] = [...annaIds.map((id, index) => ({ id, name: `Anna ${index}` })), bob];
const timeoutMs = 30_000;
const startPod = (PARLEY_SEARCH_TIMEOUT_MS: number) =>
  startSearchPod({ database, messenger, users, config: { PARLEY_SEARCH_TIMEOUT_MS } });
const { search } = await startPod(timeoutMs);
const hasty = await startPod(200);

beforeEach(() => {
  messenger.finds.length = 0;
  messenger.messages = newMessages(150);
  messenger.acquaintanceIds = [];
  messenger.onFind = async () => {};
});

const find = (q: string, limit?: number, deadlineMs?: number) =>
  search.search({ q, ...(limit === undefined ? {} : { limit }) }, as(user, [], deadlineMs ?? 60_000));

async function problemOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    return toPublicError(error);
  }
  throw new Error("it did not fail");
}

const sendersOf = async (q: string) => {
  messenger.finds.length = 0;
  await find(q);
  return messenger.finds[0]?.query?.senderIds;
};

describe("a search", () => {
  it("asks the messenger for what the query says, for the user, in its time", async () => {
    const { hits, partial } = await find(
      'whale -seal in:general before:2026-11-21 after:2026-11-01 "a whale"',
    );
    assert.deepEqual([hits.length, partial], [0, false]);
    const { query, ...asked } = messenger.finds[0]!;
    assert.deepEqual([asked.userId, asked.order, asked.limit], [user, FindOrder.RELEVANCE, 20]);
    assert.ok(asked.budgetMs > timeoutMs / 2 && asked.budgetMs <= timeoutMs, `${asked.budgetMs}`);
    assert.deepEqual(
      query!.terms.map(({ text, phrase, excluded, prefix }) => [text, phrase, excluded, prefix]),
      [
        ["whale", false, false, false],
        ["seal", false, true, false],
        ["a whale", true, false, false],
      ],
    );
    assert.deepEqual(query!.chats, ["general"]);
    assert.equal(timestampDate(query!.before!).toISOString(), "2026-11-21T00:00:00.000Z");
    assert.equal(timestampDate(query!.notBefore!).toISOString(), "2026-11-02T00:00:00.000Z");
  });

  it("answers as many as are asked for, 20 if nothing is said", async () => {
    assert.equal((await find("whale")).hits.length, 20);
    assert.equal((await find("whale", 100)).hits.length, 100);
    assert.equal((await problemOf(find("whale", 101))).code, "invalid-input");
  });

  it("knows people by me, id, e-mail and name", async () => {
    assert.deepEqual(await sendersOf("from:me whale"), [user]);
    assert.deepEqual(await sendersOf(`from:${bob.id.toUpperCase()}`), [bob.id]);
    assert.deepEqual(await sendersOf("from:bob@example.org"), [bob.id]);
    assert.deepEqual(await sendersOf("from:Bob from:me"), [bob.id, user]);
    assert.deepEqual(await sendersOf('from:"Bob Miller"'), [bob.id]);
    assert.deepEqual(await sendersOf("from:@Bob"), [bob.id]);
  });

  it("means the people whom one knows when many have the name", async () => {
    messenger.acquaintanceIds = [annaIds[3]!, bob.id];
    assert.deepEqual(await sendersOf("from:Anna"), [annaIds[3]]);
  });

  it("finds nothing of people who are not there, which is no error", async () => {
    assert.deepEqual((await find("whale from:Zoe")).hits, []);
    assert.deepEqual((await find("whale from:nobody@example.org")).hits, []);
    assert.deepEqual((await find("whale from:Anna")).hits, [], "strangers by that name");
    assert.equal(messenger.finds.length, 0, "there is nothing to look for");
  });

  it("says what is wrong with a name", async () => {
    const problem = await problemOf(find("from:B"));
    assert.equal(problem.code, "invalid-input");
    assert.deepEqual(problem.violations, [{ field: "q", message: "from: must have at least 2 letters" }]);
  });

  it("answers what there is when its time is over, also when the messenger hangs", async () => {
    messenger.onFind = hang;
    const answer = await hasty.search.search({ q: "whale" }, as(user));
    assert.deepEqual([answer.hits, answer.partial], [[], true]);
  });

  it("takes no more time than its caller gives it", async () => {
    await find("whale", 20, 11_000);
    assert.ok(messenger.finds[0]!.budgetMs <= 10_000, `${messenger.finds[0]!.budgetMs}`);
  });

  it("says that messages cannot be searched when the messenger is away, and for how long", async () => {
    for (const code of ["unavailable", "circuit-open", "overloaded", "internal"] as const) {
      messenger.onFind = async () => {
        throw fault(code, { retryAfterMs: 700 });
      };
      const problem = await problemOf(find("whale"));
      assert.deepEqual(
        [problem.code, problem.status, problem.retryAfterMs],
        ["search-unavailable", 503, 700],
      );
    }
  });

  it("asks nobody without a user", async () => {
    const problem = await problemOf(search.search({ q: "whale" }));
    assert.equal(problem.code, "unauthenticated");
  });
});
