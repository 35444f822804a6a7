import { tell } from "../progress.ts";
import { openChatBench } from "./chat-bench.ts";
import { chatsOf, type Pair } from "./people.ts";

const inFlight = 200;

/** As many messages as a moment brings: pages of different chats, places and texts. */
export async function writeHistory(
  name: string,
  server: { pid: number; socketUrl: string },
  pairs: readonly Pair[],
  windowMs: number,
): Promise<void> {
  tell(`${name}: writing messages`);
  await using bench = await openChatBench({
    name,
    server: { pid: server.pid, socketUrls: [server.socketUrl] },
    chats: chatsOf(pairs),
    windowMs,
  });
  await bench.closedLoop(inFlight);
}
