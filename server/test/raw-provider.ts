/** Providers for tests of the sender: one that answers over HTTP, and one that does with its sockets what the test says. */
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { after } from "node:test";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import type { ProviderRequest, Sender } from "#dispatch/sending/sender.ts";
import { until } from "#test/until.ts";

let made = 0;

export function providerAt(url: string, changes: Partial<Provider> = {}): Provider {
  made += 1;
  return {
    id: `provider-${made}`,
    adapter: "json",
    url: new URL(url),
    headers: {},
    priceMicros: 0,
    timeoutMs: 10_000,
    concurrency: 4,
    maxQueueMs: 1_000,
    guardMs: 100,
    quotas: [],
    idempotencyHeader: undefined,
    options: {},
    ...changes,
  };
}

export function requestOf(changes: Partial<ProviderRequest> = {}): ProviderRequest {
  return {
    text: "hello",
    options: {},
    requestId: "request-1",
    signal: undefined,
    timeoutMs: 10_000,
    onSend: () => true,
    ...changes,
  };
}

/** Until the sender has a connection to the provider, which must answer: so that the next request needs no time to connect. */
export async function untilConnected(sender: Sender, provider: Provider): Promise<void> {
  await until("there is a connection", async () => {
    const { kind } = await sender.send(provider, requestOf({ text: "are you there?" }));
    return kind === "done";
  });
}

export interface RawProvider {
  readonly url: string;
  readonly port: number;
  /** How many connections there were, and all that came over them. */
  readonly connections: number;
  readonly received: string;
}

/** `answer` is called with each piece that comes. */
export async function startRawProvider(
  answer: (socket: Socket, piece: string) => void,
): Promise<RawProvider> {
  let connections = 0;
  let received = "";
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (piece) => {
      received += piece;
      answer(socket, String(piece));
    });
  });
  const port = await listening(server);
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${port}/process`,
    port,
    get connections() {
      return connections;
    },
    get received() {
      return received;
    },
  };
}

export async function startHttpProvider(answer: RequestListener): Promise<string> {
  const server = createHttpServer(answer);
  const port = await listening(server);
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${port}`;
}

async function listening(server: NetServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** An HTTP answer, as bytes. */
export function answerOf(body: string, head = "200 OK", headers: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${head}`, `content-length: ${Buffer.byteLength(body)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
