/** Writes what a simulated provider answers, well or badly. */
import type { ServerResponse } from "node:http";
import type { Fault } from "#provider-sim/fault.ts";
import type { WireFormat } from "#provider-sim/wire-format.ts";

type Headers = Readonly<Record<string, string | number>>;

const json = "application/json";

export function sendJson(response: ServerResponse, status: number, value: unknown, headers?: Headers): void {
  sendText(response, status, json, JSON.stringify(value), headers);
}

export interface ResultAnswer {
  readonly format: WireFormat;
  readonly result: string;
  readonly fault: Fault;
  readonly headers: Headers | undefined;
}

export function sendResult(response: ServerResponse, { format, result, fault, headers }: ResultAnswer): void {
  const whole = () => JSON.stringify(format.answer(result));
  switch (fault.kind) {
    case "status":
      sendJson(response, fault.status, format.failure(`simulated failure ${fault.status}`), headers);
      return;
    case "html":
      sendText(response, 200, "text/html", "<!doctype html><title>Please wait</title>", headers);
      return;
    case "broken-json":
      sendText(response, 200, json, firstHalf(whole()), headers);
      return;
    case "wrong-shape":
      sendText(response, 200, json, '{"unexpected":true}', headers);
      return;
    case "half":
      sendHalf(response, whole());
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "hang":
      return;
    default:
      sendText(response, 200, json, whole(), headers);
      return;
  }
}

function sendText(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Headers = {},
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

function sendHalf(response: ServerResponse, body: string): void {
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": json, "content-length": Buffer.byteLength(body) });
  response.write(firstHalf(body), () => response.destroy());
}

const firstHalf = (text: string) => text.slice(0, Math.ceil(text.length / 2));
