/**
 * The operations port: whether the process lives, whether it is ready for traffic, and its metrics. It answers from the
 * first moment of a start on, so that an orchestrator can tell a slow start from a dead one.
 */
import { createServer, type RequestListener } from "node:http";
import { listen } from "#platform/listen.ts";
import type { Log } from "#platform/log.ts";
import { prometheusType } from "#platform/telemetry/prometheus.ts";

export interface OpsServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  log: Log;
  /** All metrics in the format of Prometheus. */
  scrape(): Promise<string>;
}

export interface OpsServer {
  readonly port: number;
  /** Not ready until ready() was called with the same name. */
  waitFor(name: string): void;
  ready(name: string): void;
  /** Not ready from now on; still alive. */
  stop(): Promise<void>;
}

const headersTimeoutMs = 5_000;

export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const missing = new Set<string>();
  const server = createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs, maxHeaderSize: 8_192 },
    listener(missing, options),
  );
  const { host } = options;
  const port = await listen(server, { host, port: options.port, setting: "PARLEY_OPS_PORT" });
  server.on("error", (error) => options.log.warn({ err: error }, "ops server"));
  return {
    port,
    waitFor: (name) => void missing.add(name),
    ready: (name) => void missing.delete(name),
    stop: () =>
      new Promise((resolve) => {
        missing.add("stopping");
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listener(missing: ReadonlySet<string>, { scrape, log }: OpsServerOptions): RequestListener {
  return (request, response) => {
    const path = request.url?.split("?", 1)[0];
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
    };
    const answer = (status: number, body: object) => send(status, "application/json", JSON.stringify(body));
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, { error: "only GET" });
    if (path === "/livez") return answer(200, { status: "alive" });
    if (path === "/metrics") {
      scrape().then(
        (metrics) => send(200, prometheusType, metrics),
        (error) => {
          log.warn({ err: error }, "the metrics could not be read");
          answer(500, { error: "the metrics could not be read" });
        },
      );
      return;
    }
    if (path !== "/readyz") return answer(404, { error: "there are /livez, /readyz and /metrics" });
    if (missing.size === 0) return answer(200, { status: "ready" });
    answer(503, { status: "not ready", waitingFor: [...missing] });
  };
}
