/** A way to the database that can be cut, and hung: then it stays open, but nothing comes through. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after } from "node:test";
import { freePort } from "../../scripts/pods/free-port.ts";

export async function startDatabaseLine(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isHung = false;
  const server = createServer((near) => {
    const directory = target.searchParams.get("host");
    const far = directory
      ? connect(`${directory}/.s.PGSQL.${target.searchParams.get("port") ?? 5432}`)
      : connect({ host: target.hostname, port: Number(target.port || 5432) });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      if (isHung) socket.pause();
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  // None that outgoing connections get: it must be free again after a cut.
  const port = await listen(await freePort());
  after(cut);
  const address = Object.assign(new URL(target), { hostname: "127.0.0.1", port: String(port) });
  for (const name of ["host", "port"]) address.searchParams.delete(name);
  return {
    url: address.href,
    cut,
    restore: () => listen(port),
    hang() {
      isHung = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      isHung = false;
      for (const socket of sockets) socket.resume();
    },
  };
}
