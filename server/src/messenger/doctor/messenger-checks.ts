/** What `parley doctor` looks for in the messenger's data. */
import { indexChecks } from "#messenger/doctor/index-checks.ts";
import {
  type ChatRule,
  chatRules,
  chatsReferredTo,
  findBrokenChats,
  listChatIds,
  type RepairableRule,
  repairChats,
} from "#messenger/store-doctor.ts";
import type { Queryable } from "#platform/database.ts";
import type { Check, CheckRun, Repair } from "#platform/doctor.ts";
import { nilUuid } from "#platform/uuid.ts";

const chatsAtATime = 50;
const referencesAtATime = 500;

const restore =
  "No data is left to make it right from: restore the chat from a backup, and tell of it as a bug.";

/** Pages of all chats. */
async function* pagesOfChats(db: Queryable, { signal, onProgress }: CheckRun): AsyncGenerator<string[]> {
  let after = nilUuid;
  let seen = 0;
  for (;;) {
    signal.throwIfAborted();
    const page = await listChatIds(db, after, chatsAtATime);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!;
    seen += page.length;
    onProgress(seen);
  }
}

function repairOf(rule: RepairableRule, about: string): Repair {
  return {
    about,
    async run(database, run) {
      let repaired = 0;
      for await (const page of pagesOfChats(database, run)) {
        const broken = await findBrokenChats(database, rule, page);
        if (broken.length > 0) repaired += await repairChats(database, rule, broken);
      }
      return repaired;
    },
  };
}

const repairs: Partial<Record<ChatRule, Repair>> = {
  "memberCount counts the members": repairOf("memberCount counts the members", "members are counted anew"),
  "reactionCount counts the reactions": repairOf(
    "reactionCount counts the reactions",
    "reactions are counted anew",
  ),
  "read positions lie within the chat": repairOf(
    "read positions lie within the chat",
    "read positions past the end are set to the last message",
  ),
};

function checkOf(rule: ChatRule): Check {
  const repair = repairs[rule];
  return {
    name: rule,
    async *check(database, run) {
      for await (const page of pagesOfChats(database, run))
        for (const chatId of await findBrokenChats(database, rule, page)) yield { id: `chat ${chatId}` };
    },
    ...(repair ? { repair } : {}),
    advice: restore,
  };
}

const strayRows: Check = {
  name: "nothing belongs to a chat that is not there",
  async *check(database, { signal, onProgress }) {
    let seen = 0;
    for await (const page of chatsReferredTo(database, referencesAtATime)) {
      signal.throwIfAborted();
      for (const [chatId, isThere] of page) if (!isThere) yield { id: `chat ${chatId}` };
      seen += page.length;
      onProgress(seen);
    }
  },
  advice: restore,
};

export const messengerChecks: readonly Check[] = [...chatRules.map(checkOf), strayRows, ...indexChecks];
