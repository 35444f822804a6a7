/** Finds out languages in a thread, which starts when the first is to be found out. */
import { Worker } from "node:worker_threads";
import type { LanguageAnswer, LanguageQuestion } from "#messenger/finding/language-worker.ts";
import { fault } from "#platform/errors.ts";

export interface LanguageDetector {
  /** Of the texts of each chat the language, in their order; empty: not known. */
  detect(chats: string[][]): Promise<string[]>;
  stop(): Promise<void>;
}

export interface LanguageDetectorOptions {
  /** A thread that has not answered by then is ended; the next question starts another. */
  timeoutMs?: number;
}

const file = new URL("./language-worker.ts", import.meta.url);
const maxHeapMb = 128;

interface Waiting {
  resolve(languages: string[]): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiting>;
  timer: NodeJS.Timeout | undefined;
}

export function createLanguageDetector(options: LanguageDetectorOptions = {}): LanguageDetector {
  const { timeoutMs = 10_000 } = options;
  let thread: Thread | undefined;
  let isStopped = false;
  let lastId = 0;

  const end = async (ended: Thread, cause?: unknown) => {
    if (thread === ended) thread = undefined;
    clearTimeout(ended.timer);
    for (const { reject } of ended.waiting.values()) reject(fault("unavailable", { cause }));
    ended.waiting.clear();
    await ended.worker.terminate();
  };
  /** Anew with each question and answer. */
  const watch = (watched: Thread) => {
    clearTimeout(watched.timer);
    if (watched.waiting.size === 0) {
      // A thread that has nothing to do keeps no process alive.
      watched.worker.unref();
      return;
    }
    watched.worker.ref();
    const cause = new Error("no language was found out in time");
    watched.timer = setTimeout(() => void end(watched, cause), timeoutMs);
    watched.timer.unref();
  };
  const start = (): Thread => {
    const resourceLimits = { maxOldGenerationSizeMb: maxHeapMb };
    const started: Thread = {
      worker: new Worker(file, { resourceLimits }),
      waiting: new Map(),
      timer: undefined,
    };
    started.worker.on("message", ({ id, languages }: LanguageAnswer) => {
      started.waiting.get(id)?.resolve(languages);
      started.waiting.delete(id);
      watch(started);
    });
    started.worker.on("error", (error) => void end(started, error));
    started.worker.on("exit", () => void end(started));
    return started;
  };

  return {
    detect(chats) {
      if (isStopped) return Promise.reject(fault("unavailable"));
      thread ??= start();
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      const id = ++lastId;
      thread.waiting.set(id, { resolve, reject });
      thread.worker.postMessage({ id, chats } satisfies LanguageQuestion);
      watch(thread);
      return promise;
    },
    async stop() {
      isStopped = true;
      if (thread) await end(thread);
    },
  };
}
