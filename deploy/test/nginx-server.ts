/** The shipped nginx configuration, filled in for the ports of a test, and an nginx that runs it without root. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { eventually, freePorts, unprivileged } from "./ports.ts";
import { deploy, findTool } from "./tools.ts";

export interface EdgeVariables {
  httpPort: number;
  grpcPort: number;
  gatewayHttpPorts: number[];
  gatewayGrpcPorts: number[];
}

/** Writes the configuration into a folder of its own; the folder goes with the test file. */
export function writeNginxConfig(edge: EdgeVariables): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-nginx-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o777);
  const servers = (ports: number[]) => ports.map((port) => `server 127.0.0.1:${port};`).join(" ");
  const variables: Record<string, string> = {
    EDGE_HTTP_LISTEN: `127.0.0.1:${edge.httpPort}`,
    EDGE_GRPC_LISTEN: `127.0.0.1:${edge.grpcPort} http2`,
    EDGE_HTTP_SERVERS: servers(edge.gatewayHttpPorts),
    EDGE_GRPC_SERVERS: servers(edge.gatewayGrpcPorts),
    EDGE_RESOLVER: "127.0.0.1",
  };
  const text = readFileSync(join(deploy, "nginx/nginx.conf.template"), "utf8")
    .replace(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? `\${${name}}`)
    .replaceAll("/tmp/nginx", `${folder}/nginx`);
  const path = join(folder, "nginx.conf");
  writeFileSync(path, text);
  return path;
}

export interface Edge {
  readonly url: string;
  readonly grpcUrl: string;
  accessLog(): string;
  /** Bodies that nginx keeps on disk at this moment. */
  temporaryFiles(): string[];
}

/** Call it at the top level of a test file: it ends with the file. */
export async function startNginx(gatewayHttpPorts: number[], gatewayGrpcPorts: number[]): Promise<Edge> {
  const [httpPort, grpcPort] = (await freePorts(2)) as [number, number];
  const config = writeNginxConfig({ httpPort, grpcPort, gatewayHttpPorts, gatewayGrpcPorts });
  const logPath = `${config}.log`;
  // A file and not a pipe: nginx opens /dev/stdout anew, which fails for Node's pipes.
  writeFileSync(logPath, "");
  chmodSync(logPath, 0o666);
  const log = openSync(logPath, "a");
  const child = spawn(findTool("nginx")!, ["-c", config, "-g", "daemon off;"], {
    ...unprivileged,
    stdio: ["ignore", log, log],
  });
  const exited = once(child, "exit");
  after(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const url = `http://127.0.0.1:${httpPort}`;
  const accessLog = () => readFileSync(logPath, "utf8");
  await eventually(`nginx answers; it said: ${accessLog()}`, async () => {
    if (child.exitCode !== null) throw new Error(accessLog());
    return (await fetch(url, { redirect: "manual" })).status;
  });
  return {
    url,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    accessLog,
    temporaryFiles: () =>
      ["nginx-client-body", "nginx-proxy"].flatMap((name) => filesOf(dirname(config), name)),
  };
}

function filesOf(folder: string, name: string): string[] {
  const path = join(folder, name);
  if (!existsSync(path)) throw new Error(`nginx has no ${path}`);
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A server in the place of a gateway, on a port of its own; it ends with the test file. */
export async function startUpstream(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close().closeAllConnections());
  return (server.address() as { port: number }).port;
}
