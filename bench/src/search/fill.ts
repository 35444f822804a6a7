/** A database with a million messages, or as many as are asked for, and what the index takes of it. */
import { cheapPasswords } from "../accounts.ts";
import type { CaseOptions, Measure } from "../case.ts";
import { connectToDatabaseOf } from "../process/database-access.ts";
import { startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { repeated } from "../statistics.ts";
import { createPeople, type People, remember } from "./people.ts";
import { writeMessages } from "./write-messages.ts";

const chatsPerMessages = 100;
/** Of those who search. */
export const searcherChats = { few: 20, many: 2_000 };

export const chatsOfAll = ({ messages }: CaseOptions) =>
  Math.max(searcherChats.many, Math.round(messages / chatsPerMessages));

interface Filled {
  people: People;
  size: { measures: Measure[]; meanTextBytes: number; writtenPerSecond: number };
}

export async function fill(dataDir: string, options: CaseOptions): Promise<Filled> {
  await using server = await startServer({ dataDir, settings: cheapPasswords });
  tell(`search: creating ${chatsOfAll(options)} chats`);
  const people = await createPeople(server.url, {
    chats: chatsOfAll(options),
    searcherChats: Object.values(searcherChats),
  });
  tell(`search: writing ${options.messages} messages`);
  const startedAt = performance.now();
  await writeMessages({
    socketUrl: server.socketUrl,
    writers: people.writers,
    count: options.messages,
    onWritten: (message, chatId) => remember(people.searchers, message, chatId),
    onProgress: (written) => tell(`search: ${written} written`),
  });
  const writtenPerSecond = (options.messages * 1_000) / (performance.now() - startedAt);
  const client = await connectToDatabaseOf(dataDir);
  try {
    // As autovacuum would a little later.
    await client.query("VACUUM (ANALYZE) messenger.messages");
    await client.query("VACUUM (ANALYZE) messenger.words");
    return { people, size: { ...(await measureSize(client)), writtenPerSecond } };
  } finally {
    await client.end();
  }
}

async function measureSize(client: Awaited<ReturnType<typeof connectToDatabaseOf>>) {
  const { rows } = await client.query(`SELECT count(*)::int AS count, avg(octet_length(text)) AS text,
      sum(pg_column_size(words)) AS words,
      pg_relation_size('messenger.messages_words') AS gin, pg_relation_size('messenger.messages_by_time') AS time,
      pg_total_relation_size('messenger.words') AS vocabulary FROM messenger.messages`);
  const { count, text, words, gin, time, vocabulary } = rows[0];
  const measure = (name: string, bytes: unknown): Measure => ({
    name: `  index for each message: ${name}`,
    unit: "bytes",
    value: repeated([Number(bytes) / count]),
  });
  return {
    meanTextBytes: Math.round(Number(text)),
    measures: [
      measure("its words (GIN)", gin),
      measure("its words, in its row", words),
      measure("by time", time),
      measure("share of the vocabulary", vocabulary),
    ],
  };
}
