/** The process that looks at pictures, as its parent sees it: started at the first need, and ended when there is none. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { framesOf, lengthPrefix } from "#blobs/attachments/frames.ts";
import type { Picture } from "#blobs/attachments/picture.ts";
import type { PictureLimits } from "#blobs/attachments/picture-process.ts";
import { fault } from "#platform/errors.ts";

export interface PictureSource {
  size: number;
  /** All bytes, from the start, anew with each call. */
  read(): AsyncIterable<Uint8Array>;
}

export interface PictureWorkerOptions {
  limits: PictureLimits;
  /** For one picture, once its bytes are there; a process that takes longer is killed. */
  timeoutMs: number;
  /** Without pictures for so long, it ends: its memory goes with it. */
  idleMs: number;
}

/** It was there, and ended or took too long over this picture. */
export class PictureProcessLost extends Error {}

const program = join(import.meta.dirname, "picture-process.ts");
const startTimeoutMs = 20_000;
const maxAnswerBytes = 4_194_304;
/** Nothing else of ours, in which there are secrets. Libraries may be found by some of these. */
const inherited = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

interface Running {
  child: ChildProcess;
  answers: AsyncGenerator<Buffer>;
}

/** One picture at a time. */
export class PictureWorker {
  readonly #options: PictureWorkerOptions;
  #running: Running | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: PictureWorkerOptions) {
    this.#options = options;
  }

  /** For tests. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Rejects with "unavailable" when there can be no process, with PictureProcessLost, and as reading the source does. */
  async look(source: PictureSource): Promise<Picture> {
    clearTimeout(this.#idleTimer);
    const running = this.#running ?? (await this.#start());
    try {
      const picture = await ask(running, source, this.#options.timeoutMs);
      this.#idleTimer = setTimeout(() => this.end(), this.#options.idleMs).unref();
      return picture;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Nothing it does is worth waiting for. */
  end(): void {
    clearTimeout(this.#idleTimer);
    this.#running?.child.kill("SIGKILL");
    this.#running = undefined;
  }

  async #start(): Promise<Running> {
    const env = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
    const child = spawn(process.execPath, [program, JSON.stringify(this.#options.limits)], {
      stdio: ["pipe", "pipe", "ignore"],
      env,
    });
    const running = { child, answers: framesOf(child.stdout as Readable, maxAnswerBytes) };
    let cause: unknown;
    child.on("error", (error) => {
      cause = error;
    });
    // That it has ended is found out by who writes to it next, or waits for its answer.
    child.stdin!.on("error", () => {});
    try {
      await within(running, startTimeoutMs, nextAnswer(running));
    } catch (error) {
      child.kill("SIGKILL");
      throw fault("unavailable", { cause: cause ?? error });
    }
    this.#running = running;
    return running;
  }
}

/** How long the source takes is not the process's fault. */
async function ask(running: Running, source: PictureSource, timeoutMs: number): Promise<Picture> {
  const stdin = running.child.stdin!;
  await send(stdin, lengthPrefix(source.size));
  for await (const chunk of source.read()) await within(running, timeoutMs, send(stdin, chunk));
  try {
    const found = await within(running, timeoutMs, nextAnswer(running));
    const { width, height } = JSON.parse(found.toString()) as Picture;
    const thumbnail = await within(running, timeoutMs, nextAnswer(running));
    return thumbnail.length > 0 ? { width, height, thumbnail } : { width, height };
  } catch (cause) {
    throw new PictureProcessLost("the process that looks at pictures was lost", { cause });
  }
}

/** Work that waits for the process: it ends with it. */
async function within<T>({ child }: Running, timeoutMs: number, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

async function send(stdin: Writable, bytes: Uint8Array): Promise<void> {
  if (stdin.destroyed) throw new PictureProcessLost("the process that looks at pictures ended");
  // Also when it failed: the next one finds out.
  await new Promise<void>((resolve) => stdin.write(bytes, () => resolve()));
}

async function nextAnswer({ answers }: Running): Promise<Buffer> {
  const { value, done } = await answers.next();
  if (done) throw new Error("the process ended");
  return value;
}
