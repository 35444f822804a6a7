/** Who writes to whom. */
import { type Account, createAccounts } from "../accounts.ts";
import { forEachConcurrently } from "../load/concurrently.ts";

export interface Pair {
  chatId: string;
  people: readonly [Account, Account];
}

const concurrency = 8;

/** People in twos, each two with a direct chat. */
export async function createPairs(url: string, count: number): Promise<Pair[]> {
  const accounts = await createAccounts(url, count * 2);
  const pairs: Pair[] = Array.from({ length: count }, (_, pair) => ({
    chatId: "",
    people: [accounts[pair * 2]!, accounts[pair * 2 + 1]!],
  }));
  await forEachConcurrently(pairs, concurrency, async (pair) => {
    const [one, other] = pair.people;
    pair.chatId = (await one.client.createChat({ kind: "direct", memberIds: [other.userId] })).id;
  });
  return pairs;
}

/** As the load generator wants them: one socket for each person. */
export function chatsOf(pairs: readonly Pair[]): { chatId: string; accessTokens: string[] }[] {
  return pairs.map(({ chatId, people }) => ({ chatId, accessTokens: people.map((one) => one.accessToken) }));
}

export interface HistoryCheck {
  /** Of all runs, by chat. */
  acknowledged: ReadonlyMap<string, number>;
  /** Sends that were answered with an error or not at all: they may have been stored or not. */
  undecided: number;
}

/**
 * Reads the whole history over REST and throws unless it has every message that was acknowledged, and no more than
 * were sent. Resolves to how many there are.
 */
export async function compareWithHistory(pairs: readonly Pair[], check: HistoryCheck): Promise<number> {
  let total = 0;
  let excess = 0;
  await forEachConcurrently(pairs, concurrency, async ({ chatId, people }) => {
    const stored = await countHistory(people[1], chatId);
    const expected = check.acknowledged.get(chatId) ?? 0;
    if (stored < expected) {
      throw new Error(`LOST: in chat ${chatId} ${expected} messages were acknowledged, ${stored} are stored`);
    }
    total += stored;
    excess += stored - expected;
  });
  if (excess > check.undecided) {
    throw new Error(`DOUBLED: ${excess} more messages are stored than were acknowledged`);
  }
  return total;
}

const pageSize = 200;

async function countHistory({ client }: Account, chatId: string): Promise<number> {
  let count = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await client.listMessages(chatId, { after, limit: pageSize });
    count += page.messages.length;
    after = page.nextAfter;
  }
  return count;
}
