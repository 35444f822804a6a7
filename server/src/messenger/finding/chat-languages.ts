/**
 * The languages of chats, in whose forms the words of a search are looked for: as people have said, else as was found
 * out from the messages.
 */
import { createLanguageDetector, type LanguageDetector } from "#messenger/finding/language-detector.ts";
import { type LanguageAt, LanguageFinder } from "#messenger/finding/language-finder.ts";
import type { Database } from "#platform/database.ts";
import { within } from "#platform/deadline.ts";
import type { Log } from "#platform/log.ts";

export interface ChatOfLanguage {
  chatId: string;
  /** As people have said; empty: it is found out. */
  language: string;
  /** As was found out, and the number of the chat's last message then; 0: never. */
  detectedLanguage: string;
  detectedAtNo: number;
  lastNo: number;
}

export interface ChatLanguages {
  /**
   * Distinct ISO 639-1 codes of those that are known, the one of most messages first. Where it was never found out, it
   * is now, for some chats and for a moment; the first ones come first. Never fails.
   */
  languagesOf(chats: readonly ChatOfLanguage[]): Promise<string[]>;
  stop(): Promise<void>;
}

export interface ChatLanguagesOptions {
  database: Database;
  log: Log;
  detector?: LanguageDetector;
  /** How long a search waits for what is not known yet. */
  waitMs?: number;
  pauseMs?: number;
  pauseAfterFailureMs?: number;
}

/** What was found out holds until the chat has so many times the messages. */
const growth = 4;

export function createChatLanguages(options: ChatLanguagesOptions): ChatLanguages {
  const { waitMs = 500 } = options;
  const finder = new LanguageFinder({
    detector: createLanguageDetector(),
    pauseMs: 200,
    pauseAfterFailureMs: 10_000,
    ...options,
  });
  const detected = (chat: ChatOfLanguage): LanguageAt => {
    const found = finder.foundHere(chat.chatId);
    if (found && found.atNo >= chat.detectedAtNo) return found;
    return { language: chat.detectedLanguage, atNo: chat.detectedAtNo };
  };
  return {
    async languagesOf(chats) {
      const open = chats.filter(({ language, lastNo }) => language === "" && lastNo > 0);
      const unknown = open.filter((chat) => detected(chat).atNo === 0);
      const isOutgrown = ({ atNo }: LanguageAt, lastNo: number) => atNo > 0 && lastNo >= atNo * growth;
      finder.findLater(open.filter((chat) => isOutgrown(detected(chat), chat.lastNo)));
      if (unknown.length > 0) await within(finder.findNow(unknown), waitMs);
      const messagesIn = new Map<string, number>();
      for (const chat of chats) {
        const language = chat.language || detected(chat).language;
        if (language !== "") messagesIn.set(language, (messagesIn.get(language) ?? 0) + chat.lastNo);
      }
      return [...messagesIn].sort(([, one], [, other]) => other - one).map(([language]) => language);
    },
    stop: () => finder.stop(),
  };
}
