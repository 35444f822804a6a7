/** The chats that are searched: the user's, as they are now, narrowed by what was asked. */
import { canonicalId } from "#messenger/input.ts";
import type { ReadableChat } from "#messenger/store-finding.ts";
import { foldWord } from "#messenger/text-index/fold-word.ts";
import { wordsOf } from "#messenger/text-index/words-of.ts";

export interface Scope {
  chatIds: string[];
  /** Messages in these chats. */
  size: number;
  /** ISO 639-1, the one of most messages first. */
  languages: string[];
}

/** A chat is named by its id or by a part of its title; direct chats have none. */
export function scopeOf(chats: readonly ReadableChat[], names: readonly string[]): Scope {
  const wanted = names.map((name) => ({ id: canonicalId(name), title: foldTitle(name) }));
  const within =
    wanted.length === 0 ? chats : chats.filter((chat) => wanted.some((name) => isNamed(chat, name)));
  const sizes = new Map<string, number>();
  let size = 0;
  for (const { language, lastNo } of within) {
    size += lastNo;
    if (language !== "") sizes.set(language, (sizes.get(language) ?? 0) + lastNo);
  }
  const languages = [...sizes].sort(([, a], [, b]) => b - a).map(([language]) => language);
  return { chatIds: within.filter(({ lastNo }) => lastNo > 0).map(({ chatId }) => chatId), size, languages };
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
