/** What was acknowledged survives `kill -9` of anything, once and in order; what was retried is not doubled. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Message, ParleyClient } from "@parley/client";
import { wholeHistory } from "#test/conversation.ts";
import { type ParleyProcess, spawnParley } from "#test/parley-process.ts";
import { newPerson, type Person, signedIn } from "#test/people.ts";

const senders = 4;
const killAfterAcks = 600;

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "parley-crash-"));
  after(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** Everyone sends as fast as answers come, until `cut` or an answer does not come. */
function sendUntilCut(clients: ParleyClient[], chatId: string, onAck: (count: number) => void) {
  const acknowledged = new Map<string, Message>();
  const attempted = new Set<string>();
  let cut = false;
  const lane = async (client: ParleyClient, name: string) => {
    for (let i = 0; !cut; i++) {
      const clientId = `${name}-${i}`;
      attempted.add(clientId);
      const params = { chatId, clientId, text: `message ${clientId}` };
      const answer = await client
        .call<{ message: Message }>("MessengerService/SendMessage", params)
        .catch(() => undefined);
      if (!answer) break;
      acknowledged.set(clientId, answer.message);
      onAck(acknowledged.size);
    }
  };
  const lanes = clients.flatMap((client, c) =>
    Array.from({ length: 8 }, (_, l) => lane(client, `${c}.${l}`)),
  );
  return {
    acknowledged,
    attempted,
    done: Promise.all(lanes),
    cut: () => {
      cut = true;
    },
  };
}

/** A load of which so much has been acknowledged that it can be called one. */
async function loadUnderWay(people: Person[], chatId: string) {
  const reached = Promise.withResolvers<void>();
  const clients = people.map((person) => person.client);
  const load = sendUntilCut(clients, chatId, (count) => count >= killAfterAcks && reached.resolve());
  // A load that ends before has gone wrong.
  await Promise.race([reached.promise, load.done]);
  assert.ok(load.acknowledged.size >= killAfterAcks, `${load.acknowledged.size} were acknowledged`);
  return load;
}

async function group(url: string) {
  const people = await Promise.all(Array.from({ length: senders }, (_, i) => newPerson(url, `Sender${i}`)));
  const owner = people[0]!;
  const { id } = await owner.client.createChat({
    kind: "group",
    title: "crash",
    memberIds: people.slice(1).map((person) => person.id),
  });
  await Promise.all(people.map((person) => person.client.connect()));
  return { people, chatId: id! };
}

function assertWhole(history: Message[], acknowledged: Map<string, Message>, attempted: Set<string>) {
  assert.deepEqual(
    history.map((message) => message.no),
    history.map((_, i) => i + 1),
  );
  assert.deepEqual(
    history.map((message) => message.seq),
    history.map((_, i) => i + 1),
  );
  const stored = new Map(history.map((message) => [message.clientId, message]));
  assert.equal(stored.size, history.length, "nothing is there twice");
  for (const [clientId, message] of acknowledged) {
    assert.deepEqual(
      stored.get(clientId)?.seq,
      message.seq,
      `acknowledged ${clientId} is there, where it was`,
    );
  }
  for (const clientId of stored.keys()) assert.ok(attempted.has(clientId!));
}

test("kill -9 of the server in the middle of a load loses nothing that was acknowledged", async () => {
  const dataDir = await newDataDir();
  let parley: ParleyProcess = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  const { people, chatId } = await group(parley.url);
  const load = await loadUnderWay(people, chatId);
  await parley.end("SIGKILL");
  load.cut();
  for (const { client } of people) client.close();
  await load.done;

  parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  const again = await signedIn(parley.url, people[0]!.email);
  const history = await wholeHistory(again, chatId);
  assertWhole(history, load.acknowledged, load.attempted);

  // Every sender retries everything twice, over two transports; the first result comes back each time.
  const lastNo = history.length;
  const own = [...load.acknowledged].filter(([clientId]) => clientId.startsWith("0."));
  await again.connect();
  for (const [clientId, first] of own) {
    const params = { chatId, clientId, text: "another text, which must not be taken" };
    const bySocket = await again.call<{ message: Message }>("MessengerService/SendMessage", params);
    assert.equal(bySocket.message.id, first.id);
    assert.equal(bySocket.message.text, first.text);
    assert.equal((await again.sendMessage(chatId, "another", { clientId })).id, first.id);
  }
  assert.equal((await wholeHistory(again, chatId)).length, lastNo);
  await parley.end("SIGTERM");
});

test("kill -9 of PostgreSQL under load: no false acknowledgement, and recovery without a restart", async () => {
  const dataDir = await newDataDir();
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  const { people, chatId } = await group(parley.url);
  const load = await loadUnderWay(people, chatId);
  const pidFile = await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8");
  process.kill(Number(pidFile.split("\n")[0]), "SIGKILL");
  load.cut();
  await load.done;

  // The same sockets go on by themselves: the outbox retries until the database is back.
  const sent = await people[0]!.client.sendMessage(chatId, "after the crash", { clientId: "after" });
  load.attempted.add("after");
  load.acknowledged.set("after", sent);
  const history = await wholeHistory(people[1]!.client, chatId);
  assertWhole(history, load.acknowledged, load.attempted);
  await parley.end("SIGTERM");
});
