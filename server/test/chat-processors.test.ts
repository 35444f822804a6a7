/** Chats whose messages are processed, as their members see it: over every transport, live, and after crashes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescMethodUnary, type JsonValue } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { MessengerService } from "@parley/api/v2/messenger";
import type { ChatEvent, ParleyClient } from "@parley/client";
import { createLocalBus, topics } from "#platform/bus.ts";
import { startFakeDispatchServer } from "#test/fake-dispatch-server.ts";
import { parityCallers } from "#test/parity-callers.ts";
import { result } from "#test/parity-fixture.ts";
import { ampleLimits, startPod, type TestParley } from "#test/parley.ts";
import { spawnParley } from "#test/parley-process.ts";
import { createAccount, newPerson, signedIn } from "#test/people.ts";
import { withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const m = MessengerService.method;

/** Answers nothing until the returned function is called. */
function hold(fake: Awaited<ReturnType<typeof startFakeDispatchServer>>["fake"]) {
  const gate = Promise.withResolvers<void>();
  const { answer } = fake;
  fake.answer = async (request, signal) => {
    await gate.promise;
    return answer(request, signal);
  };
  return () => {
    fake.answer = answer;
    gate.resolve();
  };
}

async function allEvents(client: ParleyClient, chatId: string): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for (;;) {
    const page = await client.listEvents(chatId, { after: events.at(-1)?.seq ?? 0, limit: 1_000 });
    events.push(...page.events);
    if (page.events.length === 0 || events.at(-1)!.seq === page.lastSeq) return events;
  }
}

describe("chats with a processor", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const { fake, environment } = await startFakeDispatchServer();
  const bus = createLocalBus((error) => {
    throw error;
  });
  const app = await startPod(
    { ...environment, ...ampleLimits, PARLEY_CHAT_PROCESSING_POLL_MS: "50" },
    { bus },
  );
  const url = `http://127.0.0.1:${app.httpPort}`;
  const parley = {
    url,
    grpcUrl: `http://127.0.0.1:${app.grpcPort}`,
    wsUrl: `ws://127.0.0.1:${app.httpPort}/v2/ws`,
  } as TestParley;
  const callers = parityCallers(parley);
  const ada = await createAccount(parley.url, "Ada");
  const ben = await createAccount(parley.url, "Ben");

  for (const caller of callers) {
    test(`${caller.name}: chosen, shown, switched off`, async () => {
      const as = (account: { token: string }) => (method: DescMethodUnary, params: JsonValue) =>
        result(caller, method, params, account.token);
      const [asAda, asBen] = [as(ada), as(ben)];
      const group = { kind: "group", title: "Shouting", memberIds: [ben.id], processor: "shout" };
      const { chat } = await asAda(m.createChat, group);
      assert.equal(chat.processor, "shout");
      const { message } = await asBen(m.sendMessage, { chatId: chat.id, clientId: "1", text: "hello" });
      assert.equal(message.processed, undefined);
      const latest = async () => (await asBen(m.listMessages, { chatId: chat.id })).messages[0];
      await until("it is processed", async () => (await latest()).processed !== undefined);
      const { processed } = await latest();
      const { at, ...rest } = processed;
      assert.ok(Date.parse(at) > 0);
      assert.deepEqual(rest, { processor: "shout", result: "HELLO", provider: "free" });
      const repeated = await asBen(m.sendMessage, { chatId: chat.id, clientId: "1", text: "hello" });
      assert.deepEqual(repeated.message.processed, processed, "a repetition gets the message as it is");
      const { events } = await asAda(m.listEvents, { chatId: chat.id });
      assert.deepEqual([events[1].kind, events[1].seq], ["processed", 2]);
      assert.deepEqual(events[1].message, await latest());
      const off = await asAda(m.updateChat, { chatId: chat.id, processor: "" });
      assert.deepEqual([off.chat.processor, off.chat.title], ["", "Shouting"]);
      for (const [params, code] of [
        [{ chatId: chat.id, processor: "none such" }, "processor-not-found"],
        [{ chatId: chat.id }, "invalid-input"],
        [{ chatId: chat.id, title: "" }, "invalid-input"],
      ] as [JsonValue, string][]) {
        const refused = await caller.call(m.updateChat, params, ada.token);
        assert.equal(refused?.error?.code, code, JSON.stringify(params));
      }
      const forbidden = await caller.call(m.updateChat, { chatId: chat.id, processor: "shout" }, ben.token);
      assert.equal(forbidden?.error?.code, "forbidden");
    });
  }

  test("all transports show the same chat, page and events", async () => {
    const group = { kind: "group", title: "Same", memberIds: [ben.id], processor: "shout" };
    const { chat } = await result(callers[0]!, m.createChat, group, ada.token);
    const chatId = chat.id;
    await result(callers[0]!, m.sendMessage, { chatId, clientId: "1", text: "hello" }, ada.token);
    const page = async () => result(callers[0]!, m.listMessages, { chatId }, ada.token);
    await until("it is processed", async () => (await page()).messages[0].processed !== undefined);
    for (const [method, params] of [
      [m.listMessages, { chatId }],
      [m.getChat, { chatId }],
      [m.listChats, {}],
      [m.listEvents, { chatId }],
    ] as [DescMethodUnary, JsonValue][]) {
      const answers = await Promise.all(callers.map((caller) => result(caller, method, params, ada.token)));
      for (const [i, answer] of answers.entries())
        assert.deepEqual(answer, answers[0], `${callers[i]!.name} ${method.name}`);
    }
  });

  test("how a request of one's own stands is told to one's own sockets, and to nobody else's", async () => {
    const [owner, other] = [await newPerson(url, "Owner"), await newPerson(url, "Other")];
    const told: string[] = [];
    for (const [name, { client }] of Object.entries({ owner, other })) {
      client.on("process", ({ id, status }) => void told.push(`${name} ${id} ${status}`));
      await client.connect();
    }
    const tell = (userId: string, id: string) => {
      const event = { kind: "process", process: { id, status: "done" } };
      bus.publish(topics.user(userId), create(BusMessageSchema, { events: [event] }));
    };
    tell(owner.id, "first");
    tell(other.id, "second");
    await until("both are told", () => told.length === 2);
    assert.deepEqual(told.toSorted(), ["other second done", "owner first done"]);
    for (const { client } of [owner, other]) client.close();
  });

  test("members are told of it in the order of seq; who was removed is not", async () => {
    const [owner, member, leaver] = (await Promise.all(
      ["Owner", "Member", "Leaver"].map((name) => newPerson(url, name)),
    )) as [
      Awaited<ReturnType<typeof newPerson>>,
      Awaited<ReturnType<typeof newPerson>>,
      Awaited<ReturnType<typeof newPerson>>,
    ];
    const memberIds = [member.id, leaver.id];
    const told = new Map([member, leaver].map(({ id }) => [id, [] as ChatEvent[]]));
    for (const { id, client } of [member, leaver]) {
      client.on("event", (event) => void told.get(id)!.push(event));
      await client.connect();
    }
    const processors = await owner.client.listProcessors();
    assert.deepEqual(
      processors.map(({ id }) => id),
      ["default", "shout"],
    );
    const chat = await owner.client.createChat({ kind: "group", title: "Live", memberIds });
    const { id: chatId } = await owner.client.updateChat(chat.id, { processor: "shout" });
    const seen: string[] = [];
    member.client.on("processed", ({ processed }) => void seen.push(processed!.result));
    const letGo = hold(fake);
    await owner.client.connect();
    await owner.client.sendMessage(chatId, "hello");
    await owner.client.removeMember(chatId, leaver.id);
    const page = await owner.client.listMessages(chatId);
    assert.equal(page.messages[0]!.processed, undefined);
    letGo();
    await until("the member is told", () => seen.length === 1);
    assert.deepEqual(seen, ["HELLO"]);
    const read = await owner.client.listMessages(chatId);
    assert.equal(read.messages[0]!.processed?.result, "HELLO", "no older answer is kept");
    assert.deepEqual(
      told.get(member.id)!.map(({ kind, seq }) => [kind, seq]),
      [
        ["chat", 1],
        ["message", 2],
        ["membership", 3],
        ["processed", 4],
      ],
    );
    await assert.rejects(leaver.client.listMessages(chatId));
    // What comes after it has come, and it has not.
    const later = await owner.client.createChat({ kind: "group", title: "Later", memberIds: [leaver.id] });
    await owner.client.sendMessage(later.id, "later");
    await until("the leaver is told of another chat", () =>
      told.get(leaver.id)!.some((event) => event.chatId === later.id),
    );
    assert.ok(!told.get(leaver.id)!.some(({ kind }) => kind === "processed"));
    for (const { client } of [owner, member, leaver]) client.close();
  });
});

describe("kill -9 of the messenger while messages are being processed", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const { fake, environment } = await startFakeDispatchServer();

  test("each message is processed once and told once", async () => {
    const settings = {
      ...environment,
      PARLEY_CHAT_PROCESSING_POLL_MS: "50",
      PARLEY_CHAT_PROCESSING_LEASE_MS: "2000",
    };
    const before = await spawnParley(settings);
    const person = await newPerson(before.url, "Ada", { maxSendsPerSecond: 1_000 });
    const { id: chatId } = await person.client.createChat({
      kind: "group",
      title: "Crash",
      memberIds: [],
      processor: "shout",
    });
    await person.client.connect();
    const count = 60;
    // Some are stored, some made but not stored, some not even taken when the end comes.
    const { answer } = fake;
    const stuck = new Promise<never>(() => {});
    fake.answer = (request, signal) => (fake.processedOnce < 20 ? answer(request, signal) : stuck);
    await Promise.all(
      Array.from({ length: count }, (_, i) => person.client.sendMessage(chatId, `message ${i}`)),
    );
    await until(
      "it is in the middle of it",
      () => fake.calls.length > fake.processedOnce && fake.processedOnce >= 20,
    );
    await before.end("SIGKILL");
    person.client.close();
    fake.answer = answer;

    const after = await spawnParley(settings);
    const again = await signedIn(after.url, person.email);
    const processedEvents = async () =>
      (await allEvents(again, chatId)).filter(({ kind }) => kind === "processed");
    await until("all are processed", async () => (await processedEvents()).length >= count);
    const events = await allEvents(again, chatId);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => i + 1),
    );
    const told = (await processedEvents()).map(({ message }) => message!.id);
    assert.equal(new Set(told).size, count);
    assert.equal(told.length, count, "each once");
    assert.equal(fake.processedOnce, count, "by the same key");
    for (const { message } of await processedEvents()) {
      assert.equal(message!.processed!.result, message!.text.toUpperCase());
    }
    again.close();
    await after.end("SIGTERM");
  });
});
