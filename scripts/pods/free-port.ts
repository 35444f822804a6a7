import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems give to outgoing connections: one of the thousands that tests and loads open could
 * otherwise take the port between this look and its use, even by connecting to itself.
 */
const ports = { from: 20_000, to: 32_000 };
const attempts = 50;

/** A TCP port of this machine that nobody listens on right now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(ports.from, ports.to);
    const isFree = await requireFree([port]).then(
      () => true,
      () => false,
    );
    if (isFree) return port;
  }
  throw new Error("found no free port");
}

/** Throws when somebody else listens on one of them. */
export async function requireFree(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    } catch (cause) {
      throw new Error(`port ${port} is taken by another program`, { cause });
    }
    server.close();
    await once(server, "close");
  }
}
