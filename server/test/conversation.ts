/**
 * People who talk in one chat through several gateways while a test makes trouble. What they were told and what is
 * stored must agree in the end: nothing lost, nothing twice, nothing out of order.
 */
import assert from "node:assert/strict";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Message, ParleyClient } from "@parley/client";
import { newPerson, type Person } from "#test/people.ts";
import { until } from "#test/until.ts";

export interface Conversation {
  readonly people: readonly Person[];
  readonly chatId: string;
  readonly acknowledged: ReadonlyMap<string, Message>;
  /** Sends that were refused for good, which no trouble may bring about. */
  readonly refused: readonly unknown[];
  /** Resolves once so many more sends have been acknowledged. */
  progress(more: number, withinMs?: number): Promise<void>;
  /** Stops talking and waits until every send under way is acknowledged. */
  end(): Promise<void>;
  /** Everybody was pushed every event once and in order, and history holds exactly what was acknowledged. */
  verify(): Promise<void>;
}

interface Talker {
  person: Person;
  pushed: number[];
  refetches: number;
}

const patient = { timeoutMs: 8_000, backoff: { minMs: 20, maxMs: 500 } };
const pauseMs = 5;

/** Person i uses gateway i, and so on round. */
export async function startConversation(gatewayUrls: readonly string[], size = 4): Promise<Conversation> {
  const people = await Promise.all(
    Array.from({ length: size }, (_, i) =>
      newPerson(gatewayUrls[i % gatewayUrls.length]!, `Talker${i}`, patient),
    ),
  );
  const { id } = await people[0]!.client.createChat({
    kind: "group",
    title: "trouble",
    memberIds: people.slice(1).map((person) => person.id),
  });
  const chatId = id!;
  const talkers = people.map((person) => listen(person, chatId));
  await Promise.all(people.map((person) => person.client.connect()));
  return talk(talkers, chatId);
}

function listen(person: Person, chatId: string): Talker {
  const talker: Talker = { person, pushed: [], refetches: 0 };
  person.client.on("event", (event) => {
    if (event.chatId === chatId && event.seq !== undefined) talker.pushed.push(event.seq);
  });
  person.client.on("refetch", (refetch) => {
    if (refetch.chatId === chatId && refetch.reason === "not-recovered") talker.refetches += 1;
  });
  return talker;
}

function talk(talkers: Talker[], chatId: string): Conversation {
  const acknowledged = new Map<string, Message>();
  const refused: unknown[] = [];
  let isOver = false;
  const speak = async ({ person: { client } }: Talker, name: number) => {
    for (let i = 0; !isOver; i++) {
      const clientId = `${name}-${i}`;
      try {
        acknowledged.set(clientId, await client.sendMessage(chatId, `message ${clientId}`, { clientId }));
      } catch (error) {
        refused.push(error);
      }
      await delay(pauseMs);
    }
  };
  // A test that fails must not be talked over for ever.
  after(() => {
    isOver = true;
  });
  const speaking = Promise.all(talkers.map((talker, index) => speak(talker, index)));
  return {
    people: talkers.map((talker) => talker.person),
    chatId,
    acknowledged,
    refused,
    async progress(more, withinMs = 30_000) {
      const goal = acknowledged.size + more;
      await until(
        () => `${acknowledged.size} of ${goal} acknowledged`,
        () => acknowledged.size >= goal,
        withinMs,
      );
    },
    async end() {
      isOver = true;
      await speaking;
    },
    async verify() {
      assert.deepEqual(refused, []);
      const history = await wholeHistory(talkers[0]!.person.client, chatId);
      verifyHistory(history, acknowledged);
      for (const talker of talkers) await verifyPushed(talker, history.length);
    },
  };
}

/** All of a chat's messages, oldest first. */
export async function wholeHistory(client: ParleyClient, chatId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await client.listMessages(chatId, { after, limit: 200 });
    messages.push(...(page.messages ?? []));
    after = page.nextAfter;
  }
  return messages;
}

function verifyHistory(history: readonly Message[], acknowledged: ReadonlyMap<string, Message>) {
  const oneToN = history.map((_, i) => i + 1);
  assert.deepEqual(
    history.map((message) => message.no),
    oneToN,
  );
  assert.deepEqual(
    history.map((message) => message.seq),
    oneToN,
    "seq has no gap",
  );
  const stored = new Map(history.map((message) => [message.clientId, message]));
  assert.equal(stored.size, history.length, "nothing is stored twice");
  for (const [clientId, { seq }] of acknowledged) assert.equal(stored.get(clientId)?.seq, seq, clientId);
  // Nobody is still talking, so whatever is stored was acknowledged in the end.
  assert.equal(stored.size, acknowledged.size);
}

/** The last of it may still be on its way. */
async function verifyPushed({ person, pushed, refetches }: Talker, lastSeq: number) {
  await until(
    () => `${person.email} was pushed up to ${pushed.at(-1)} of ${lastSeq}`,
    () => pushed.at(-1) === lastSeq,
    30_000,
  );
  assert.equal(refetches, 0, "no gap was left to the client");
  assert.deepEqual(
    pushed,
    pushed.map((_, i) => lastSeq - pushed.length + 1 + i),
    "each event once and in order",
  );
  assert.equal(pushed.length, lastSeq);
}
