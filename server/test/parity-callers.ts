/**
 * One way to call any method over any transport, with requests and answers as JSON, so that one suite can compare them.
 * What a transport cannot express (an unknown field in binary, say) is told apart from what the server refuses.
 */
import { once } from "node:events";
import { after } from "node:test";
import { type DescMethodUnary, fromJson, getOption, type JsonValue, toJson } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { http } from "@parley/api/google/api/annotations";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { WebSocket } from "ws";
import type { TestParley } from "#test/parley.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests of many methods
export type Answer = { result: any; error?: undefined } | { result?: undefined; error: ToldError };

export interface ToldError {
  /** Undefined: the transport told an error without a code of the registry. */
  code: string | undefined;
  fields: string[];
}

export interface ParityCaller {
  readonly name: string;
  /** Whether it can send JSON that does not fit the message. */
  readonly sendsAnyJson: boolean;
  /** Undefined: the transport cannot express this. */
  call(method: DescMethodUnary, params: JsonValue, token?: string): Promise<Answer | undefined>;
}

type Addresses = Pick<TestParley, "url" | "grpcUrl" | "wsUrl">;

export function parityCallers(parley: Addresses): ParityCaller[] {
  const http1 = { baseUrl: parley.url, httpVersion: "1.1" } as const;
  return [
    restCaller(parley),
    connectJsonCaller(parley),
    binaryCaller("Connect, binary", createConnectTransport({ ...http1, useBinaryFormat: true })),
    binaryCaller("gRPC-Web", createGrpcWebTransport(http1)),
    binaryCaller("gRPC", createGrpcTransport({ baseUrl: parley.grpcUrl })),
    socketCaller(parley),
  ];
}

const authorization = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

interface ErrorBody {
  code?: string;
  violations?: { field: string }[];
}

const told = ({ code, violations = [] }: ErrorBody): Answer => ({
  error: { code, fields: violations.map(({ field }) => field) },
});

/** Fields go where the contract's google.api.http options put them. */
function restCaller({ url }: Addresses): ParityCaller {
  return {
    name: "REST",
    sendsAnyJson: true,
    async call(method, params, token) {
      const rule = getOption(method, http);
      const rest = { ...(params as Record<string, JsonValue>) };
      let path = (rule.pattern.value as string).replace(/\{(\w+)\}/g, (_, name: string) => {
        const { jsonName } = method.input.fields.find((field) => field.name === name)!;
        const value = rest[jsonName];
        delete rest[jsonName];
        return encodeURIComponent(String(value));
      });
      const hasBody = rule.body === "*";
      if (!hasBody) path += `?${queryOf(rest)}`;
      const response = await fetch(url + path, {
        method: rule.pattern.case!.toUpperCase(),
        headers: { ...authorization(token), ...(hasBody ? { "content-type": "application/json" } : {}) },
        ...(hasBody ? { body: JSON.stringify(rest) } : {}),
      });
      const body = await response.json();
      return response.ok ? { result: body } : told(body);
    },
  };
}

function queryOf(fields: Record<string, JsonValue>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? value : [value]) query.append(name, String(item));
  }
  return query.toString();
}

/** Without a Connect client, which would not send what does not fit. */
function connectJsonCaller({ url }: Addresses): ParityCaller {
  return {
    name: "Connect, JSON",
    sendsAnyJson: true,
    async call(method, params, token) {
      const response = await fetch(`${url}/${method.parent.typeName}/${method.name}`, {
        method: "POST",
        headers: { ...authorization(token), "content-type": "application/json" },
        body: JSON.stringify(params),
      });
      const body = await response.json();
      return response.ok ? { result: body } : told(body.details?.[0]?.debug ?? {});
    },
  };
}

function binaryCaller(name: string, transport: Transport): ParityCaller {
  return {
    name,
    sendsAnyJson: false,
    async call(method, params, token) {
      let request: ReturnType<typeof fromJson>;
      try {
        request = fromJson(method.input, params);
      } catch {
        return undefined;
      }
      try {
        const headers = authorization(token);
        const { message } = await transport.unary(method, undefined, 10_000, headers, request as never);
        return { result: toJson(method.output, message, { alwaysEmitImplicit: true }) };
      } catch (error) {
        return told(ConnectError.from(error).findDetails(ErrorInfoSchema)[0] ?? {});
      }
    },
  };
}

/** One socket per token. Calls without a token do not exist: without one there is no socket. */
function socketCaller({ wsUrl }: Addresses): ParityCaller {
  const sockets = new Map<string, Promise<OpenSocket | ErrorBody>>();
  after(async () => {
    for (const socket of await Promise.all(sockets.values())) if ("call" in socket) socket.end();
  });
  return {
    name: "WebSocket",
    sendsAnyJson: true,
    async call(method, params, token) {
      const key = token ?? "";
      const open = sockets.get(key) ?? openSocket(wsUrl, token);
      sockets.set(key, open);
      const socket = await open;
      if (!("call" in socket)) return told(socket);
      const answer = await socket.call(`${method.parent.name}/${method.name}`, params);
      if (answer === "closed") sockets.delete(key);
      return answer === "closed" ? told({ code: "closed" }) : answer;
    },
  };
}

interface OpenSocket {
  end(): void;
  call(name: string, params: JsonValue): Promise<Answer | "closed">;
}

async function openSocket(wsUrl: string, token: string | undefined): Promise<OpenSocket | ErrorBody> {
  const ws = new WebSocket(wsUrl, "parley.v2.json", {
    headers: authorization(token),
    perMessageDeflate: false,
  });
  const waiting = new Map<number, (answer: Answer | "closed") => void>();
  const refused = new Promise<ErrorBody>((resolve, reject) => {
    ws.on("unexpected-response", async (_request, response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    });
    ws.on("error", reject);
  });
  ws.on("message", (data) => {
    const { id, result, error } = JSON.parse(String(data));
    waiting.get(id)?.(error ? told(error) : { result });
    waiting.delete(id);
  });
  ws.on("close", () => {
    for (const settle of waiting.values()) settle("closed");
  });
  const first = await Promise.race([once(ws, "open"), refused]);
  if (!Array.isArray(first)) return first;
  refused.catch(() => {});
  let lastId = 0;
  return {
    end: () => ws.terminate(),
    call(name, params) {
      const id = ++lastId;
      return new Promise((resolve) => {
        if (ws.readyState !== WebSocket.OPEN) return resolve("closed");
        waiting.set(id, resolve);
        ws.send(JSON.stringify({ id, call: name, params }));
      });
    },
  };
}
