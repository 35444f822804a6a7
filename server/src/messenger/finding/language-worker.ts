/** A thread of its own: the library takes 0.2 s to load, and no message may wait for that. */
import { parentPort } from "node:worker_threads";
import { eld } from "eld/extrasmall";
import { detectLanguage } from "#messenger/finding/detect-language.ts";

export interface LanguageQuestion {
  id: number;
  /** The texts of each chat. */
  chats: string[][];
}

export interface LanguageAnswer {
  id: number;
  /** In the order of the chats; empty: not known. */
  languages: string[];
}

// Addresses and numbers are in no language.
eld.enableTextCleanup(true);

function detectOne(text: string): string {
  const result = eld.detect(text);
  return result.isReliable() ? result.language : "";
}

parentPort!.on("message", ({ id, chats }: LanguageQuestion) => {
  const languages = chats.map((texts) => detectLanguage(texts, detectOne));
  parentPort!.postMessage({ id, languages } satisfies LanguageAnswer);
});
