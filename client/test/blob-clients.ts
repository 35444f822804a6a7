/** A client of the test's own, on a server that keeps blobs, loses connections and answers, refuses, and stands still. */
import { after, beforeEach } from "node:test";
import { createParleyClient, type ParleyClient, type ParleyClientOptions } from "../src/client.ts";
import { startProtocolServer } from "./protocol-server.ts";

const account = { email: "ada@example.org", password: "correct horse", name: "Ada" };

/** To be called at the top level of a test file. */
export async function startBlobClient() {
  const server = await startProtocolServer();
  server.state.signUp(account);
  const clients: ParleyClient[] = [];
  beforeEach(() => {
    server.blobs.trouble = {};
    server.blobs.blobs.clear();
    server.blobs.uploads.clear();
    server.blobs.given.length = 0;
  });
  after(async () => {
    for (const made of clients) made.close();
    await server.stop();
  });

  async function signedIn(options: Partial<ParleyClientOptions> = {}): Promise<ParleyClient> {
    const made = createParleyClient({
      url: server.url,
      backoff: { minMs: 1, maxMs: 5 },
      uploadPartBytes: 100_000,
      ...options,
    });
    clients.push(made);
    await made.signIn(account);
    return made;
  }

  return {
    server,
    signedIn,
    client: await signedIn(),
    held: (key: string) => server.blobs.blobs.get(key),
    calls: () => server.blobs.given.map(({ method, url }) => `${method} ${url}`),
  };
}
