/** The process that makes the load. It does what it is told over IPC, one thing at a time, and ends with its parent. */
import { type BytesLoadOptions, type BytesLoadResult, runBytes } from "./bytes-load.ts";
import { type ChatRunResult, runChats } from "./chat-load.ts";
import { type ChatMembers, type OpenChatsOptions, openChatMembers } from "./chat-members.ts";
import type { RunChatsOptions } from "./chat-run.ts";
import { type HttpLoadOptions, type HttpLoadResult, runHttpLoad } from "./http-load.ts";
import { type IdleLoad, type OpenIdleOptions, openIdle } from "./idle-load.ts";
import { type Replayed, type ReplayOptions, replay } from "./replay.ts";
import { type RouteWatchOptions, type RouteWatchResult, watchRoutes } from "./route-watch.ts";

/** What can be asked of the process: parameters and answer by name. */
export interface LoadCalls {
  openChats: (options: OpenChatsOptions) => Promise<void>;
  runChats: (options: RunChatsOptions) => Promise<ChatRunResult>;
  /** In addition to those that are open. */
  openIdle: (options: OpenIdleOptions) => Promise<void>;
  countIdle: () => Promise<number>;
  close: () => Promise<void>;
  runHttp: (options: HttpLoadOptions) => Promise<HttpLoadResult>;
  watchRoutes: (options: RouteWatchOptions) => Promise<RouteWatchResult>;
  runBytes: (options: BytesLoadOptions) => Promise<BytesLoadResult>;
  replay: (options: ReplayOptions) => Promise<Replayed[]>;
}

export interface LoadRequest {
  id: number;
  call: keyof LoadCalls;
  options: unknown;
}

export type LoadResponse = { id: number; result: unknown } | { id: number; error: string };

let chats: ChatMembers | undefined;
const idle: IdleLoad[] = [];

const calls: LoadCalls = {
  async openChats(options) {
    chats = await openChatMembers(options);
  },
  async runChats(options) {
    if (!chats) throw new Error("no chats are open");
    return runChats(chats, options);
  },
  async openIdle(options) {
    idle.push(await openIdle(options));
  },
  countIdle: async () => idle.reduce((count, load) => count + load.openCount(), 0),
  async close() {
    chats?.close();
    chats = undefined;
    for (const load of idle.splice(0)) load.close();
  },
  runHttp: runHttpLoad,
  watchRoutes,
  runBytes,
  replay,
};

process.on("message", async ({ id, call, options }: LoadRequest) => {
  const answer = (response: LoadResponse) => void process.send?.(response);
  try {
    answer({ id, result: await calls[call](options as never) });
  } catch (error) {
    answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
// Ctrl-C reaches the whole process group; the parent ends this process in good order.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());
