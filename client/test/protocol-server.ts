/**
 * A small server that speaks Parley's protocol, for tests of what the client does when things go wrong: it can lose
 * connections, answers and pushes, and refuse, at the very moment that a test chooses. server/test/client.test.ts
 * runs the client against the real one.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EventJson } from "@parley/api/v2/event";
import { type WebSocket, WebSocketServer } from "ws";
import { type BlobRoutes, createBlobRoutes } from "./blob-routes.ts";
import { type Chat, ProtocolState, Refusal } from "./protocol-state.ts";

/** What goes wrong; each is asked at its moment. */
export interface Trouble {
  /** Before a send is stored: "drop" closes the connection, another text is the code of a refusal. */
  beforeCommit?: (text: string) => string | undefined;
  /** After it is stored: whether the connection breaks before the answer. */
  dropsAnswer?: (text: string) => boolean;
  /** Whether this push of a new event never arrives. */
  losesPush?: (event: EventJson, userId: string) => boolean;
  /** Whether Resume can give what the client missed. */
  recovers?: (chatId: string) => boolean;
  /** Whether the WebSocket handshake is refused. */
  refusesHandshake?: () => boolean;
  /** Instead of the answer to an HTTP request. */
  http?: (method: string, path: string) => HttpTrouble | undefined;
}

interface HttpTrouble {
  status: number;
  headers?: Record<string, string>;
  body?: object;
}

interface Params {
  positions?: Record<string, number>;
  chatId: string;
  clientId: string;
  text: string;
  userIds?: string[];
  accessToken?: string;
}

interface Connection {
  socket: WebSocket;
  userId: string;
  isResumed: boolean;
}

export interface ProtocolServer {
  readonly url: string;
  readonly state: ProtocolState;
  readonly blobs: BlobRoutes;
  readonly connections: Set<Connection>;
  readonly requests: string[];
  readonly authenticated: string[];
  trouble: Trouble;
  publish(chat: Chat, event: EventJson): void;
  sendPositions(): void;
  /** Breaks every connection, without a closing handshake. */
  dropAll(): void;
  closeAll(code: number): void;
  stop(): Promise<void>;
}

export async function startProtocolServer(): Promise<ProtocolServer> {
  const state = new ProtocolState();
  const blobs = createBlobRoutes();
  const connections = new Set<Connection>();
  const requests: string[] = [];
  const authenticated: string[] = [];
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "parley.v2.json" });
  const http = createServer((request, response) => void onRequest(request, response));

  http.on("upgrade", (request, socket, head) => {
    try {
      if (server.trouble.refusesHandshake?.()) throw new Refusal("unavailable", 503);
      const ticket = new URL(request.url!, "http://host").searchParams.get("ticket");
      const userId = ticket ? state.redeem(ticket) : state.authenticate(request.headers.authorization);
      sockets.handleUpgrade(request, socket, head, (opened) => onSocket(opened, userId));
    } catch {
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    }
  });

  function onSocket(socket: WebSocket, userId: string): void {
    const connection = { socket, userId, isResumed: false };
    connections.add(connection);
    socket.on("close", () => connections.delete(connection));
    socket.on("error", () => {});
    socket.on("message", (data) => {
      // What a broken connection has still brought is not read.
      if (socket.readyState !== socket.OPEN) return;
      const { id, call, params } = JSON.parse(String(data)) as { id: number; call: string; params: Params };
      try {
        const result = onCall(connection, call, params);
        if (result !== "drop") socket.send(JSON.stringify({ id, result }));
      } catch (error) {
        const code = error instanceof Refusal ? error.code : "internal";
        socket.send(JSON.stringify({ id, error: { code, message: code } }));
      }
    });
  }

  function onCall(connection: Connection, call: string, params: Params): object | "drop" {
    const { userId, socket } = connection;
    if (call === "RealtimeService/Resume") return resume(connection, params.positions ?? {});
    if (call === "RealtimeService/Authenticate") {
      authenticated.push(params.accessToken!);
      return { expiresIn: 600 };
    }
    if (call === "RealtimeService/WatchPresence") {
      return { presence: params.userIds?.map((id) => ({ userId: id, online: true })) };
    }
    if (call !== "MessengerService/SendMessage") throw new Refusal("route-not-found");
    const chat = state.chatOf(params.chatId, userId);
    const refusal = server.trouble.beforeCommit?.(params.text);
    if (refusal === "drop") {
      socket.terminate();
      return "drop";
    }
    if (refusal) throw new Refusal(refusal);
    const { message, event } = state.send(chat, userId, params);
    if (event) server.publish(chat, event);
    if (!server.trouble.dropsAnswer?.(params.text)) return { message };
    socket.terminate();
    return "drop";
  }

  function resume(connection: Connection, positions: Record<string, number>): object {
    const chats = [...state.chats.values()].filter((chat) => chat.memberIds.has(connection.userId));
    const answer = chats.map((chat) => {
      const held = positions[chat.id] ?? chat.log.length;
      const recovered = server.trouble.recovers?.(chat.id) ?? true;
      if (recovered) push(connection, chat.log.slice(held));
      return { chatId: chat.id, seq: chat.log.length, recovered };
    });
    connection.isResumed = true;
    return { chats: answer };
  }

  function push({ socket }: Connection, events: EventJson[]): void {
    if (events.length > 0) socket.send(JSON.stringify({ events }));
  }

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url!, "http://host");
    requests.push(`${request.method} ${request.url}`);
    const trouble = server.trouble.http?.(request.method!, pathname);
    const send = (status: number, body: object, headers: Record<string, string> = {}) => {
      const type = status < 400 ? "application/json" : "application/problem+json";
      response.writeHead(status, { "content-type": type, ...headers }).end(JSON.stringify(body));
    };
    if (trouble?.status === 0) return void request.socket.destroy();
    if (trouble) return send(trouble.status, trouble.body ?? {}, trouble.headers);
    try {
      if (blobs.takes(request.url!)) {
        return await blobs.answer(request, response, state.authenticate(request.headers.authorization));
      }
      send(200, answerRequest(request, pathname, await readBody(request)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const violations = error.code === "invalid-input" ? [{ field: "text", message: "is too long" }] : [];
      send(error.status, { code: error.code, detail: `No: ${error.code}`, violations, traceId: "t1" });
    }
  }

  function answerRequest(request: IncomingMessage, pathname: string, body: Record<string, string>): object {
    if (pathname === "/v2/auth/sign-up") {
      state.signUp(body as never);
      return {};
    }
    if (pathname === "/v2/auth/sign-in") return state.signIn(body.email!, body.password!);
    if (pathname === "/v2/auth/refresh") return state.refresh(body.refreshToken!);
    const userId = state.authenticate(request.headers.authorization);
    if (pathname === "/v2/auth/sign-out") return {};
    if (pathname === "/v2/ws-tickets") return { ticket: state.createTicket(userId) };
    if (pathname === "/v2/users/me") return { user: { id: userId, name: "Me" } };
    if (pathname === "/v2/chats") return { chats: listChats(userId) };
    const chat = state.chatOf(pathname.split("/")[3]!, userId);
    if (request.method === "GET") return { messages: [...chat.sent.values()] };
    const { message, event } = state.send(chat, userId, body as never);
    if (event) server.publish(chat, event);
    return { message };
  }

  function listChats(userId: string): object[] {
    return [...state.chats.values()]
      .filter(({ memberIds }) => memberIds.has(userId))
      .map(({ id, log, sent }) => ({ id, kind: "group", lastSeq: log.length, lastNo: sent.size }));
  }

  const server: ProtocolServer = {
    get url() {
      return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    },
    state,
    blobs,
    connections,
    requests,
    authenticated,
    trouble: {},
    publish(chat, event) {
      for (const connection of connections) {
        const { isResumed, userId } = connection;
        if (!isResumed || !chat.memberIds.has(userId)) continue;
        if (!server.trouble.losesPush?.(event, userId)) push(connection, [event]);
      }
    },
    sendPositions() {
      for (const { socket, userId } of connections) {
        const mine = [...state.chats.values()].filter(({ memberIds }) => memberIds.has(userId));
        const positions = Object.fromEntries(mine.map(({ id, log }) => [id, log.length]));
        socket.send(JSON.stringify({ positions }));
      }
    },
    dropAll() {
      for (const { socket } of connections) socket.terminate();
    },
    closeAll(code) {
      for (const { socket } of connections) socket.close(code);
    },
    async stop() {
      server.dropAll();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return server;
}

async function readBody(request: IncomingMessage): Promise<Record<string, string>> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : JSON.parse(text);
}
