/** A way to a service on which every answer comes later, by as much as the test says. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after } from "node:test";

export interface SlowLine {
  readonly url: string;
  delayMs: number;
}

export async function startSlowLine(targetUrl: string): Promise<SlowLine> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    inOrder(far, near, () => line.delayMs);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const line = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, delayMs: 0 };
  return line;
}

/** What comes once the delay is gone does not overtake what came before. */
function inOrder(from: Socket, to: Socket, delayMs: () => number) {
  let lastAtMs = 0;
  from.on("data", (chunk) => {
    lastAtMs = Math.max(performance.now() + delayMs(), lastAtMs);
    setTimeout(() => to.write(chunk), Math.max(0, lastAtMs - performance.now()));
  });
}
