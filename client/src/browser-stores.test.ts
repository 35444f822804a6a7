/** The stores for browsers, on a localStorage like a browser's. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type ProtocolServer, startProtocolServer } from "../test/protocol-server.ts";
import { until } from "../test/until.ts";
import {
  createParleyClient,
  localStorageOutboxStore,
  localStorageTokenStore,
  type ParleyClient,
} from "./client.ts";

/** Keys are its own enumerable properties, as in browsers. */
class MemoryStorage {
  [key: string]: unknown;
  getItem(key: string) {
    return (Object.hasOwn(this, key) ? this[key] : null) as string | null;
  }
  setItem(key: string, value: string) {
    this[key] = value;
  }
  removeItem(key: string) {
    delete this[key];
  }
}

beforeEach(() => {
  Object.defineProperty(globalThis, "localStorage", { value: new MemoryStorage(), configurable: true });
});

const entry = (clientId: string, order: number) =>
  ({ clientId, chatId: "c", text: "t", replyTo: "", createdAtMs: 0, state: "pending", order }) as const;

test("the outbox keeps each user's entries apart, in order, and drops what is broken", () => {
  const store = localStorageOutboxStore();
  store.put("ada", entry("2", 2));
  store.put("ada", entry("1", 1));
  store.put("bob", entry("3", 3));
  localStorage.setItem("parley.outbox.ada.broken", "{");
  assert.deepEqual(store.load("ada"), [entry("1", 1), entry("2", 2)]);
  assert.equal(localStorage.getItem("parley.outbox.ada.broken"), null);
  store.remove("ada", "1");
  assert.deepEqual(store.load("ada"), [entry("2", 2)]);
});

test("a broken or foreign session is no session", () => {
  const store = localStorageTokenStore();
  for (const text of ["{", "null", "{}", '{"refreshToken":1}']) {
    localStorage.setItem("parley.session", text);
    assert.equal(store.load(), undefined);
  }
});

describe("a page that is opened again", () => {
  let server: ProtocolServer;
  before(async () => {
    server = await startProtocolServer();
  });
  after(() => server.stop());

  function newClient(): ParleyClient {
    const client = createParleyClient({
      url: server.url,
      tokenStore: localStorageTokenStore(),
      outboxStore: localStorageOutboxStore(),
      backoff: { minMs: 1, maxMs: 5 },
    });
    after(() => client.close());
    return client;
  }

  test("is signed in, and sends in order what was left unsent, once", async () => {
    const first = newClient();
    await first.signUp({ email: "ada@example.org", password: "correct horse", name: "Ada" });
    await first.signIn({ email: "ada@example.org", password: "correct horse" });
    const chat = server.state.createChat([first.user!.id]);
    await first.connect();
    // The first is stored but its answer is lost; after it the page is closed.
    server.trouble = { dropsAnswer: () => true, refusesHandshake: () => true };
    for (const text of ["1", "2", "3"]) first.sendMessage(chat.id, text).catch(() => {});
    await until("the first is stored", () => chat.log.length > 0);
    first.close();

    server.trouble = {};
    const second = newClient();
    assert.equal((await second.restore())?.name, "Ada");
    assert.equal(second.outbox().length, 3);
    await second.connect();
    await until("all are sent", () => second.outbox().length === 0);
    assert.deepEqual(
      chat.log.map(({ message }) => message?.text),
      ["1", "2", "3"],
    );
    second.close();
    assert.deepEqual(localStorageOutboxStore().load(second.user?.id ?? ""), []);
  });

  test("does not send what another user left", async () => {
    const ada = newClient();
    await ada.signIn({ email: "ada@example.org", password: "correct horse" });
    const chat = server.state.createChat([ada.user!.id]);
    await ada.connect();
    let refusals = 0;
    server.trouble = { beforeCommit: () => (++refusals ? "overloaded" : undefined) };
    ada.sendMessage(chat.id, "secret").catch(() => {});
    await until("it was refused", () => refusals > 0);
    ada.close();
    const bob = newClient();
    await bob.signUp({ email: "bob@example.org", password: "correct horse", name: "Bob" });
    await bob.signIn({ email: "bob@example.org", password: "correct horse" });
    await bob.connect();
    assert.deepEqual(bob.outbox(), []);
    assert.deepEqual(
      localStorageOutboxStore()
        .load(ada.user!.id)
        .map(({ text }) => text),
      ["secret"],
    );
    bob.close();
  });
});
