/** Stands in front of a real HTTP server and does what networks and busy servers do, when the test says so. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

export type Fault =
  /** Answers 503 SlowDown as S3 does, without asking the server. */
  | { kind: "slow-down"; retryAfterS?: number }
  /** Cuts the connection when so many bytes of the request's body have come. */
  | { kind: "cut-request"; afterBytes: number }
  /** Cuts the connection when the server has answered, before the answer is handed on. */
  | { kind: "lose-answer" }
  /** Cuts the connection after so many bytes of the answer's body. */
  | { kind: "cut-answer"; afterBytes: number }
  /** Hands on so many bytes of the answer's body, and then nothing, with the connection open. */
  | { kind: "stall-answer"; afterBytes: number }
  /** Hands on a shorter answer, as if it were whole. */
  | { kind: "truncate"; toBytes: number };

export interface FaultyHttp {
  readonly endpoint: string;
  /** For the next so many requests that it applies to. */
  fail(fault: Fault, times?: number, applies?: (request: IncomingMessage) => boolean): void;
  heal(): void;
  /** As "PUT /bucket/name". */
  readonly requests: string[];
  readonly openSockets: () => Promise<number>;
}

interface Planned {
  fault: Fault;
  times: number;
  applies(request: IncomingMessage): boolean;
}

/** To be called at the top level of a test file: it ends with the file. */
export async function startFaultyHttp(target: string): Promise<FaultyHttp> {
  const { hostname, port } = new URL(target);
  const planned: Planned[] = [];
  const requests: string[] = [];
  const server = createServer((incoming, answer) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const plan = planned.find(({ times, applies }) => times > 0 && applies(incoming));
    if (plan) plan.times -= 1;
    const fault = plan?.fault;
    if (fault?.kind === "slow-down") return slowDown(incoming, answer, fault.retryAfterS);
    forward({ hostname, port, incoming, answer, fault });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail: (fault, times = 1, applies = () => true) => void planned.unshift({ fault, times, applies }),
    heal: () => void planned.splice(0),
    requests,
    openSockets: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
  };
}

function slowDown(incoming: IncomingMessage, answer: ServerResponse, retryAfterS: number | undefined) {
  incoming.resume();
  if (retryAfterS !== undefined) answer.setHeader("retry-after", String(retryAfterS));
  answer.writeHead(503, { "content-type": "application/xml" });
  answer.end(
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  );
}

interface Exchange {
  hostname: string;
  port: string;
  incoming: IncomingMessage;
  answer: ServerResponse;
  fault: Fault | undefined;
}

function forward({ hostname, port, incoming, answer, fault }: Exchange) {
  const cut = () => incoming.socket.destroy();
  const { method, url: path, headers } = incoming;
  const onward = request({ hostname, port, method, path, headers }, (from) => {
    if (fault?.kind === "lose-answer") {
      from.resume();
      from.once("end", cut);
      return;
    }
    handOn(from, answer, fault, cut);
  });
  onward.on("error", cut);
  answer.once("close", () => onward.destroy());
  if (fault?.kind === "cut-request") {
    let received = 0;
    incoming.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
      if (received >= fault.afterBytes) cut();
    });
  }
  incoming.pipe(onward);
}

function handOn(from: IncomingMessage, answer: ServerResponse, fault: Fault | undefined, cut: () => void) {
  const headers = { ...from.headers };
  const limit =
    fault?.kind === "truncate"
      ? fault.toBytes
      : fault?.kind === "cut-answer" || fault?.kind === "stall-answer"
        ? fault.afterBytes
        : Number.POSITIVE_INFINITY;
  // Chunked, so that nothing but counting tells that bytes are missing.
  if (fault?.kind === "truncate") delete headers["content-length"];
  answer.writeHead(from.statusCode!, headers);
  answer.flushHeaders();
  if (limit === Number.POSITIVE_INFINITY) return void from.pipe(answer);
  let handed = 0;
  from.on("data", (chunk: Buffer) => {
    const rest = chunk.subarray(0, Math.max(0, limit - handed));
    handed += rest.byteLength;
    const isLast = handed >= limit;
    answer.write(rest, () => {
      if (!isLast) return;
      if (fault?.kind === "cut-answer") cut();
      else if (fault?.kind === "truncate") answer.end();
    });
  });
}
