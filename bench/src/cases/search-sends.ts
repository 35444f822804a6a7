/** What the index costs the sends: messages per second with it and without. */
import { cheapPasswords } from "../accounts.ts";
import { atLeastOfFloor, type CaseOptions } from "../case.ts";
import { type ServerProcess, startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { repeat, repeated } from "../statistics.ts";
import { openChatBench } from "./chat-bench.ts";
import { deliveredPerSecond } from "./delivered.ts";
import { chatsOf, createPairs } from "./people.ts";

export const sendRounds = 5;
export const inFlight = 400;
const minShareOfSends = 0.8;
const pairCount = 100;

/** By turns, so that whatever else the machine does befalls both. */
export async function measureSends(dataDirs: { on: string; off: string }, { windowMs }: CaseOptions) {
  await using on = await startServer({ dataDir: dataDirs.on, settings: cheapPasswords });
  await using off = await startServer({
    dataDir: dataDirs.off,
    settings: { ...cheapPasswords, PARLEY_SEARCH_INDEX: "off" },
  });
  await using withIndex = await openSends("with the index", on, windowMs);
  await using without = await openSends("without the index", off, windowMs);
  const rates: { with: number; without: number }[] = await repeat(sendRounds, async () => ({
    with: deliveredPerSecond([await withIndex.closedLoop(inFlight)]).median,
    without: deliveredPerSecond([await without.closedLoop(inFlight)]).median,
  }));
  const value = repeated(rates.map((rate) => rate.with));
  const floor = repeated(rates.map((rate) => rate.without));
  const target = atLeastOfFloor(minShareOfSends, value.median, floor.median);
  return {
    measures: [
      {
        name: "messages persisted and delivered, with the index",
        unit: "msg/s" as const,
        value,
        floor: { name: "the same without the index", value: floor },
        target,
      },
    ],
  };
}

async function openSends(name: string, server: ServerProcess, windowMs: number) {
  const pairs = await createPairs(server.url, pairCount);
  const bench = await openChatBench({ name: `sends ${name}`, server, chats: chatsOf(pairs), windowMs });
  tell(`search: sends ${name}, warming up`);
  await bench.closedLoop(inFlight);
  return bench;
}
