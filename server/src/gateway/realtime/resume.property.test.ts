/**
 * Invariant 4: what a member was pushed, live or on resume, is what history says, in seq order, with nothing left out
 * and nothing twice, whatever the bus loses, delays or reorders, and whenever connections break.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { it } from "node:test";
import fc from "fast-check";
import { type BusMood, FaultyBus } from "#test/faulty-bus.ts";
import { ModelClient } from "#test/model-client.ts";
import { SocketClient } from "#test/socket-client.ts";
import { startSockets } from "#test/sockets.ts";

type Step =
  | { do: "send"; chat: number; user: number; count: number }
  | { do: "mood"; mood: BusMood }
  | { do: "release"; order: number }
  | { do: "connect"; user: number }
  | { do: "disconnect"; user: number }
  | { do: "resume"; user: number }
  | { do: "add"; chat: number; user: number }
  | { do: "remove"; chat: number; user: number }
  | { do: "create"; users: number[] }
  | { do: "pass"; seconds: number };

const userCount = 4;
const user = fc.nat(userCount - 1);
const chat = fc.nat(2);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      chat,
      user,
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("mood" as const),
      mood: fc.constantFrom<BusMood>("deliver", "lose", "hold"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), order: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("connect" as const, "disconnect" as const, "resume" as const),
      user,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("add" as const, "remove" as const), chat, user }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("create" as const),
      users: fc.uniqueArray(user, { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 8 }) }),
  },
);

/** Each step is followed by a pause: none, a few turns of the event loop, or time for whole calls. */
const pause = fc.oneof(fc.constant(-1), fc.constant(-1), fc.integer({ min: 0, max: 6 }), fc.constant(20));
const steps = fc.array(fc.tuple(step as fc.Arbitrary<Step>, pause), { minLength: 10, maxLength: 120 });

const config = {
  PARLEY_RESUME_MAX_EVENTS: 12,
  PARLEY_RESUME_MAX_TOTAL_EVENTS: 20,
  PARLEY_POSITION_CHECK_SECONDS: 1,
  PARLEY_WS_PING_SECONDS: 60,
};

async function run(steps: [Step, number][]): Promise<void> {
  const bus = new FaultyBus();
  const t = await startSockets({ bus, config });
  let calls = 0;
  const takeTurns = async () => {
    calls += 1;
    for (let turns = (calls * 7) % 11; turns > 0; turns--) await new Promise(setImmediate);
  };
  t.messenger.before = { listEvents: takeTurns, listPositions: takeTurns };
  const userIds = Array.from({ length: userCount }, () => randomUUID());
  const people = userIds.map(
    (userId) =>
      new ModelClient(userId, t.messenger, () => SocketClient.open(t.url, t.token(userId, "s1", 1_000_000))),
  );
  const chatIds = [t.messenger.createChat(userIds), t.messenger.createChat(userIds.slice(0, 2))];
  const pending: Promise<void>[] = [];
  let texts = 0;
  const take: { [K in Step["do"]]: (step: Extract<Step, { do: K }>) => unknown } = {
    send: (s) => {
      const chatId = chatIds[s.chat % chatIds.length]!;
      for (let n = 0; n < s.count; n++) t.messenger.send(chatId, userIds[s.user]!, `text ${texts++}`);
    },
    mood: (s) => {
      bus.mood = s.mood;
    },
    release: (s) => bus.release(s.order),
    connect: (s) => people[s.user]!.connect(),
    disconnect: (s) => people[s.user]!.disconnect(),
    resume: (s) => people[s.user]!.resume(),
    add: (s) => t.messenger.addMembers(chatIds[s.chat % chatIds.length]!, [userIds[s.user]!]),
    remove: (s) => t.messenger.removeMember(chatIds[s.chat % chatIds.length]!, userIds[s.user]!),
    create: (s) => chatIds.push(t.messenger.createChat(s.users.map((index) => userIds[index]!))),
    pass: (s) => t.pass(s.seconds),
  };
  await Promise.all(people.slice(1).map((one) => one.connect()));
  for (const [one, turns] of steps) {
    const done = take[one.do](one as never);
    // Connecting and resuming go on while the following steps happen.
    if (done instanceof Promise) pending.push(done);
    if (turns >= 0) await new Promise((resolve) => setTimeout(resolve, turns / 10));
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  }
  await Promise.allSettled(pending);
  bus.mood = "deliver";
  bus.release(0);
  await untilComplete(people, t.pass);
  for (const one of people) {
    one.verify();
    one.disconnect();
  }
  await t.sockets.stop();
}

/** From here on nothing gets lost any more; whoever was cut off connects again. */
async function untilComplete(people: ModelClient[], pass: (seconds: number) => void) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    for (const one of people) if (!one.isConnected) await one.connect();
    pass(1);
    await new Promise((resolve) => setTimeout(resolve, 3));
    for (const one of people) one.verify();
    const lacking = people.flatMap((one) => one.lacking());
    if (lacking.length === 0 && people.every((one) => one.isConnected)) return;
    assert.ok(Date.now() < deadline, `still lacking: ${lacking.join("; ")}`);
  }
}

it("pushes every member exactly the log, whatever happens on the way", { timeout: 120_000 }, async () => {
  const numRuns = Number(process.env.PARLEY_TEST_RUNS ?? 25);
  const replay = JSON.parse(process.env.PARLEY_TEST_REPLAY ?? "{}");
  await fc.assert(fc.asyncProperty(steps, run), { numRuns, endOnFailure: true, ...replay });
});
