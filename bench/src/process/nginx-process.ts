/** nginx as a gRPC proxy in front of one service: what a gateway hop costs at the least. */
import { access, constants, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { startChild } from "./child.ts";
import { makeTemporaryDirectory } from "./temporary-directory.ts";

export interface NginxProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

const startTimeoutMs = 10_000;
/** Debian keeps it where only root's PATH leads. */
const furtherFolders = ["/usr/sbin", "/usr/local/sbin"];

/** Undefined when the machine has none. */
export async function startNginx(upstreamPort: number): Promise<NginxProcess | undefined> {
  const program = await findNginx();
  if (!program) return undefined;
  const directory = await makeTemporaryDirectory();
  const port = await freePort();
  const config = join(directory.path, "nginx.conf");
  await writeFile(config, configuration(directory.path, port, upstreamPort));
  const child = startChild(program, ["-c", config, "-p", directory.path, "-e", "stderr"], {});
  const stop = async () => {
    await child.stop();
    await directory.remove();
  };
  try {
    await Promise.race([child.ended, untilAccepting(port)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid, port, [Symbol.asyncDispose]: stop };
}

async function findNginx(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...furtherFolders];
  for (const folder of folders) {
    const path = join(folder, "nginx");
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** One worker, as the gateway is one process; connections to the service stay open; nothing is logged. */
function configuration(directory: string, port: number, upstreamPort: number): string {
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream service {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} http2;
    keepalive_requests 1000000000;
    http2_max_concurrent_streams 1024;
    location / { grpc_pass grpc://service; }
  }
}
`;
}

async function untilAccepting(port: number): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await sleep(20);
  }
  throw new Error("nginx does not accept connections");
}
