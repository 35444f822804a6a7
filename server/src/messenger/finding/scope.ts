/** The chats that are searched: the user's, as they are now, narrowed by what was asked. */
import type { ChatLanguages } from "#messenger/finding/chat-languages.ts";
import { canonicalId } from "#messenger/input.ts";
import { listReadableChats, type ReadableChat } from "#messenger/store-finding.ts";
import { foldWord } from "#messenger/text-index/fold-word.ts";
import { wordsOf } from "#messenger/text-index/words-of.ts";
import type { Database } from "#platform/database.ts";

export interface Scope {
  chatIds: string[];
  /** Messages in these chats. */
  size: number;
  /** ISO 639-1, the one of most messages first. */
  languages: string[];
}

interface ScopeSources {
  searchDatabase: Database;
  chatLanguages: ChatLanguages;
}

/** A chat is named by its id or by a part of its title; direct chats have none. */
export async function readScope(
  { searchDatabase, chatLanguages }: ScopeSources,
  readerId: string,
  names: readonly string[],
): Promise<Scope> {
  const within = narrow(await listReadableChats(searchDatabase, readerId), names).filter(
    ({ lastNo }) => lastNo > 0,
  );
  return {
    chatIds: within.map(({ chatId }) => chatId),
    size: within.reduce((sum, { lastNo }) => sum + lastNo, 0),
    languages: await chatLanguages.languagesOf(within),
  };
}

function narrow(chats: readonly ReadableChat[], names: readonly string[]): readonly ReadableChat[] {
  if (names.length === 0) return chats;
  const wanted = names.map((name) => ({ id: canonicalId(name), title: foldTitle(name) }));
  return chats.filter((chat) => wanted.some((name) => isNamed(chat, name)));
}

function isNamed(chat: ReadableChat, name: { id: string | undefined; title: string }): boolean {
  if (chat.chatId === name.id) return true;
  return name.title !== "" && chat.kind !== "direct" && foldTitle(chat.title).includes(name.title);
}

/** Titles of symbols alone are compared as they are. */
function foldTitle(title: string): string {
  const words = wordsOf(title).map(({ word }) => word);
  return words.length > 0 ? words.join(" ") : foldWord(title) || title.trim();
}
