/** Parley as its users run it: the real program with its own PostgreSQL, fsync on, and a data directory of its own. */
import { fileURLToPath } from "node:url";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { type Child, startChild } from "./child.ts";
import { inspectorUrl } from "./inspector.ts";
import { waitUntilAnswers } from "./readiness.ts";
import { makeTemporaryDirectory } from "./temporary-directory.ts";

export interface ServerOptions {
  /** Settings beyond the defaults; each is shown with the results. */
  settings?: Record<string, string>;
  /** Options for Node, e.g. --cpu-prof. */
  nodeOptions?: string[];
  /** An existing data directory, which stop() leaves in place. */
  dataDir?: string;
}

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** http://127.0.0.1:port */
  readonly url: string;
  /** ws://127.0.0.1:port/v2/ws */
  readonly socketUrl: string;
  readonly socketUrls: readonly string[];
  readonly dataDir: string;
  /** From the start of the process to its first answer with 200. */
  readonly readyAfterMs: number;
  /** The last of what it has logged: warnings and errors. */
  outputTail(): string;
  /** With inspectOption among the options for Node. */
  readonly inspectorUrl: string | undefined;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readyTimeoutMs = 60_000;

/** A few users of the benchmark do the work of thousands: the limits are in force, and cost what they cost, but far away. */
export const limitsOutOfReach: Record<string, string> = Object.fromEntries(
  ["READ", "WRITE", "SEND", "LOOKUP", "SEARCH", "SOCKET", "SIGN_IN", "SIGN_UP", "ACCOUNT", "ADDRESS"].map(
    (name) => [`PARLEY_LIMIT_${name}`, "100000/s burst 1000000"],
  ),
);

export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const ownDirectory = options.dataDir === undefined ? await makeTemporaryDirectory() : undefined;
  const dataDir = options.dataDir ?? ownDirectory?.path ?? "";
  const [port, grpcPort, opsPort] = [await freePort(), await freePort(), await freePort()];
  const startedAt = performance.now();
  const child = startChild(
    process.execPath,
    [...(options.nodeOptions ?? []), "server/src/main.ts", "serve"],
    {
      cwd: root,
      env: environment({
        PARLEY_DATA_DIR: dataDir,
        PARLEY_PORT: `${port}`,
        PARLEY_GRPC_PORT: `${grpcPort}`,
        PARLEY_OPS_PORT: `${opsPort}`,
        PARLEY_LOG_LEVEL: "warn",
        ...limitsOutOfReach,
        ...options.settings,
      }),
    },
  );
  const stop = async () => {
    await child.stop();
    await ownDirectory?.remove();
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilAnswers(`${url}/.well-known/jwks.json`, child.ended, readyTimeoutMs);
  } catch (error) {
    await stop();
    throw error;
  }
  const readyAfterMs = performance.now() - startedAt;
  return describe(child, { port, url, dataDir, readyAfterMs, stop });
}

function describe(
  child: Child,
  details: Pick<ServerProcess, "port" | "url" | "dataDir" | "readyAfterMs" | "stop">,
): ServerProcess {
  const socketUrl = `ws://127.0.0.1:${details.port}/v2/ws`;
  return {
    ...details,
    pid: child.pid,
    socketUrl,
    socketUrls: [socketUrl],
    outputTail: () => child.outputTail(),
    inspectorUrl: inspectorUrl(child.outputTail()),
    [Symbol.asyncDispose]: details.stop,
  };
}

/** The settings of the machine's own Parley are not those of the benchmark. */
function environment(settings: Record<string, string>): Record<string, string | undefined> {
  const foreign = /^(PARLEY_|DATABASE_URL$|REDIS_URL$|AMQP_URL$|NODE_OPTIONS$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(own), ...settings };
}
