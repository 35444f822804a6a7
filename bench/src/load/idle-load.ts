/** Many connections that do nothing: connected, resumed, and left alone. */
import { forEachConcurrently } from "./concurrently.ts";
import { createChatFrames } from "./frame-reader.ts";
import { type LoadSocket, openLoadSocket } from "./load-socket.ts";

export interface OpenIdleOptions {
  url: string;
  /** Shared by the connections in turn. */
  accessTokens: string[];
  connections: number;
}

export interface IdleLoad {
  /** How many of the connections are open still. */
  openCount(): number;
  close(): void;
}

const connectConcurrency = 50;
/** Well below the number of ports that one source address has. */
const connectionsPerAddress = 10_000;

export async function openIdle({ url, accessTokens, connections }: OpenIdleOptions): Promise<IdleLoad> {
  const frames = createChatFrames();
  const sockets: LoadSocket[] = [];
  const indices = Array.from({ length: connections }, (_, index) => index);
  await forEachConcurrently(indices, connectConcurrency, async (index) => {
    const socket = await openLoadSocket({
      url,
      accessToken: accessTokens[index % accessTokens.length]!,
      reader: frames.createReader(),
      onFrame: () => {},
      onClose: () => {},
      ...sourceAddress(index),
    });
    sockets.push(socket);
    await socket.resume();
  });
  return {
    openCount: () => sockets.filter(({ isOpen }) => isOpen).length,
    close: () => sockets.forEach((socket) => void socket.close()),
  };
}

/** Only Linux answers on all of 127.0.0.0/8 without being told to. */
function sourceAddress(index: number): { localAddress?: string } {
  if (process.platform !== "linux") return {};
  return { localAddress: `127.0.0.${1 + Math.floor(index / connectionsPerAddress)}` };
}
