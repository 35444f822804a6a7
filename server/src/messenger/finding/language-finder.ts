/** Finds out the languages of chats, some now and the others in the background, and stores them. */
import type { LanguageDetector } from "#messenger/finding/language-detector.ts";
import { type DetectedLanguage, readLatestTexts, setDetectedLanguages } from "#messenger/store-languages.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { createLruCache } from "#platform/lru-cache.ts";

export interface LanguageFinderOptions {
  database: Database;
  log: Log;
  detector: LanguageDetector;
  /** From one batch in the background to the next. */
  pauseMs: number;
  /** Nothing is tried for so long after a failure. */
  pauseAfterFailureMs: number;
}

export type LanguageAt = Pick<DetectedLanguage, "language" | "atNo">;
type NumberedChat = { chatId: string; lastNo: number };

const chatsAtOnce = 20;
const maxQueued = 5_000;
const maxRemembered = 10_000;
const logEveryMs = 60_000;

export class LanguageFinder {
  readonly #options: LanguageFinderOptions;
  /** What was found out here: some chats are too busy to store it, and some callers have read them before. */
  readonly #found = createLruCache<string, LanguageAt>(maxRemembered);
  readonly #queue = new Map<string, NumberedChat>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #mayLog = createLogInterval(logEveryMs);
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** By performance.now(). */
  #pausedUntilMs = 0;

  constructor(options: LanguageFinderOptions) {
    this.#options = options;
  }

  foundHere(chatId: string): LanguageAt | undefined {
    return this.#found.get(chatId);
  }

  /** Some of them, the first ones; the others in the background. Never fails: what cannot be found out is not known. */
  async findNow(chats: readonly NumberedChat[]): Promise<void> {
    if (!this.#mayTry || chats.length === 0) return;
    const others = chats.filter(({ chatId }) => !this.#underWay.has(chatId));
    const batch = others.slice(0, chatsAtOnce);
    if (batch.length > 0) this.#find(batch);
    this.findLater(others.slice(chatsAtOnce));
    await Promise.all(chats.map(({ chatId }) => this.#underWay.get(chatId)));
  }

  findLater(chats: readonly NumberedChat[]): void {
    if (!this.#mayTry) return;
    for (const chat of chats) {
      if (this.#queue.size >= maxQueued) break;
      if (!this.#underWay.has(chat.chatId)) this.#queue.set(chat.chatId, chat);
    }
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#queue.clear();
    await this.#options.detector.stop();
    await Promise.all(this.#underWay.values());
  }

  get #mayTry(): boolean {
    return !this.#isStopped && performance.now() >= this.#pausedUntilMs;
  }

  #schedule(): void {
    if (this.#timer || this.#isStopped || this.#queue.size === 0) return;
    this.#timer = setTimeout(async () => {
      const batch = [...this.#queue.values()].slice(0, chatsAtOnce);
      if (this.#mayTry) await this.#find(batch);
      this.#timer = undefined;
      this.#schedule();
    }, this.#options.pauseMs);
    this.#timer.unref();
  }

  #find(chats: readonly NumberedChat[]): Promise<void> {
    const done = this.#findAndStore(chats)
      .catch((error) => this.#onFailure(error))
      .finally(() => {
        for (const { chatId } of chats) this.#underWay.delete(chatId);
      });
    for (const { chatId } of chats) {
      this.#queue.delete(chatId);
      this.#underWay.set(chatId, done);
    }
    return done;
  }

  async #findAndStore(chats: readonly NumberedChat[]): Promise<void> {
    const { database, detector } = this.#options;
    const ids = chats.map(({ chatId }) => chatId);
    const languages = await detector.detect(await readLatestTexts(database, ids));
    const detected = chats.map(({ chatId, lastNo }, index) => ({
      chatId,
      language: languages[index]!,
      atNo: lastNo,
    }));
    for (const one of detected) this.#found.set(one.chatId, one);
    await setDetectedLanguages(database, detected);
  }

  #onFailure(error: unknown): void {
    if (this.#isStopped) return;
    this.#queue.clear();
    this.#pausedUntilMs = performance.now() + this.#options.pauseAfterFailureMs;
    const message = "the languages of some chats were not found out or stored";
    if (this.#mayLog()) this.#options.log.warn({ err: error }, message);
  }
}
