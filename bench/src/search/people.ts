/** Who is in which chats: writers with many, and two who search, one in a few chats and one in very many. */
import { type Account, createAccounts } from "../accounts.ts";
import { forEachConcurrently } from "../load/concurrently.ts";
import type { GeneratedText } from "./vocabulary.ts";
import type { Writer } from "./write-messages.ts";

export interface Searcher {
  /** For people. */
  name: string;
  account: Account;
  chatIds: Set<string>;
  /** Some of the messages in these chats. */
  sample: GeneratedText[];
}

export interface People {
  writers: Writer[];
  searchers: Searcher[];
}

const writerCount = 50;
const concurrency = 8;
const sampleSize = 5_000;

export async function createPeople(
  url: string,
  { chats, searcherChats }: { chats: number; searcherChats: readonly number[] },
): Promise<People> {
  const accounts = await createAccounts(url, writerCount + searcherChats.length);
  const writers = accounts.slice(0, writerCount).map((account): Writer => ({ account, chatIds: [] }));
  const searchers = searcherChats.map(
    (count, nth): Searcher => ({
      name: `in ${count.toLocaleString("en")} chats`,
      account: accounts[writerCount + nth]!,
      chatIds: new Set(),
      sample: [],
    }),
  );
  const numbers = Array.from({ length: chats }, (_, number) => number);
  await forEachConcurrently(numbers, concurrency, async (number) => {
    const members = searchers.filter((_, nth) => isMember(number, searcherChats[nth]!, chats));
    const writer = writers[number % writerCount]!;
    const memberIds = members.map(({ account }) => account.userId);
    const chat = { kind: "group", title: `Chat ${number}`, memberIds } as const;
    const { id } = await writer.account.client.createChat(chat);
    // By number, whatever the order of the answers: which chats are busy is then the same in every run.
    writer.chatIds[Math.floor(number / writerCount)] = id;
    for (const { chatIds } of members) chatIds.add(id);
  });
  return { writers, searchers };
}

/** So many of the chats, spread evenly over busy and quiet ones. */
const isMember = (number: number, count: number, chats: number) =>
  Math.floor(((number + 1) * count) / chats) > Math.floor((number * count) / chats);

export function remember(searchers: readonly Searcher[], message: GeneratedText, chatId: string): void {
  for (const { chatIds, sample } of searchers) {
    if (sample.length < sampleSize && chatIds.has(chatId)) sample.push(message);
  }
}
