/** Clients of the test's own, on a server that loses connections, answers and pushes. */
import { after } from "node:test";
import { WebSocket as WsSocket } from "ws";
import {
  createParleyClient,
  type ParleyClient,
  type ParleyClientOptions,
  type Refetch,
} from "../src/client.ts";
import { startProtocolServer } from "./protocol-server.ts";
import type { Chat } from "./protocol-state.ts";

const password = "correct horse";

/** To be called at the top level of a test file. */
export async function startClients() {
  const server = await startProtocolServer();
  const clients: ParleyClient[] = [];
  let people = 0;
  after(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });

  function newClient(options: Partial<ParleyClientOptions> = {}): ParleyClient {
    const client = createParleyClient({
      url: server.url,
      backoff: { minMs: 1, maxMs: 10 },
      maxSendsPerSecond: Number.POSITIVE_INFINITY,
      webSocket: (url, protocol, headers) => new WsSocket(url, protocol, { ...(headers ? { headers } : {}) }),
      ...options,
    });
    clients.push(client);
    return client;
  }

  async function signedIn(options: Partial<ParleyClientOptions> = {}): Promise<ParleyClient> {
    const client = newClient(options);
    const email = `person-${++people}@example.org`;
    await client.signUp({ email, password, name: `Person ${people}` });
    await client.signIn({ email, password });
    return client;
  }

  async function pair(): Promise<{ ada: ParleyClient; bob: ParleyClient; chat: Chat }> {
    server.trouble = {};
    const [ada, bob] = await Promise.all([signedIn(), signedIn()]);
    const chat = server.state.createChat([ada.user!.id, bob.user!.id]);
    await Promise.all([ada.connect(), bob.connect()]);
    return { ada, bob, chat };
  }

  return { server, newClient, signedIn, pair };
}

export function record(client: ParleyClient): { seqs: number[]; texts: string[]; refetches: Refetch[] } {
  const heard = { seqs: [] as number[], texts: [] as string[], refetches: [] as Refetch[] };
  client.on("event", (event) => heard.seqs.push(event.seq));
  client.on("message", (message) => heard.texts.push(message.text));
  client.on("refetch", (refetch) => heard.refetches.push(refetch));
  return heard;
}

export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
export const storedTexts = (chat: Chat) => chat.log.map(({ message }) => message?.text);
