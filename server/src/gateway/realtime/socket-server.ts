/** Opens the WebSockets of a gateway, at /v2/ws and at its other entrances, and closes them all when it stops. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { originOf } from "#gateway/http/client-origin.ts";
import { closeReasons } from "#gateway/realtime/close-codes.ts";
import { entranceOf, type SocketEntrances } from "#gateway/realtime/socket-entrance.ts";
import { createSocketHub, type HubOptions } from "#gateway/realtime/socket-hub.ts";
import { createTurnFlusher, SocketWriter } from "#gateway/realtime/socket-writer.ts";
import { type AdmissionOptions, admit, refuseUpgrade, subprotocol } from "#gateway/realtime/upgrade.ts";
import { Connection } from "#gateway/socket.ts";
import { topics, type Unsubscribe } from "#platform/bus.ts";
import { fault } from "#platform/errors.ts";

export interface SocketServerOptions extends HubOptions, Pick<AdmissionOptions, "identity"> {
  authenticator: HubOptions["authenticator"] & AdmissionOptions["authenticator"];
  addresses: Pick<ClientAddresses, "addressOf">;
  /** By path; besides /v2/ws. */
  entrances?: SocketEntrances;
  /** Calls back once a second until the returned function is called; for tests. */
  everySecond?: (work: () => void) => () => void;
}

export interface SocketServer {
  /** Open sockets. */
  readonly size: number;
  start(): Promise<void>;
  /** Takes over an HTTP server's "upgrade" event, whatever its path. Never throws. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers the calls under way, then tells every client to resume elsewhere. Never rejects. */
  stop(): Promise<void>;
}

/** How long a peer may take to answer our close frame, or to take what lies before it. */
const closeTimeoutMs = 5_000;
/** For the calls under way when the server stops, and then for the goodbyes. */
const stopGraceMs = 3_000;
const goodbyeMs = 2_000;
const maxFragments = 1_024;

export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { config, bus, log, addresses, endedSessions, throttle, entrances = new Map() } = options;
  const hub = createSocketHub(options);
  const flusher = createTurnFlusher();
  const wss = createWebSocketServer(config.PARLEY_WS_MAX_FRAME_BYTES, entrances);
  const stops: Unsubscribe[] = [];
  let upgrades = 0;
  let isStopping = false;

  function requireRoom() {
    if (isStopping) throw fault("unavailable");
    if (hub.connections.size + upgrades > config.PARLEY_WS_MAX_SOCKETS) throw fault("overloaded");
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    requireRoom();
    const { clientAddress } = originOf(request, addresses);
    await throttle.admitStranger(clientAddress);
    const entrance = entranceOf(entrances, request);
    const caller = await (entrance ? entrance.admit(request) : admit(options, request));
    await throttle.admitSocket(caller.userId);
    // From here to hub.add nothing waits, so that no limit is passed and no news of an ended session is missed.
    requireRoom();
    if (hub.count(caller.userId) >= config.PARLEY_WS_MAX_SOCKETS_PER_USER) {
      throw fault("too-many-requests", { detail: "You have too many sockets open" });
    }
    if (caller.sessionId && endedSessions.has(caller.sessionId)) {
      throw fault("unauthenticated", { detail: "This session has ended" });
    }
    const writer = new SocketWriter(socket, flusher);
    // Its client cannot ask for what it missed: it is told that the socket is open when events reach it.
    if (entrance) writer.hold();
    wss.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      const context = { caller, signal: undefined, ...originOf(request, addresses) };
      const connection = new Connection(ws, writer, context, hub.surroundings, entrance?.protocol);
      hub.add(connection);
      if (!entrance) return;
      entrance.onOpened();
      void hub.listen(connection).finally(() => writer.release());
    });
  }

  return {
    get size() {
      return hub.connections.size;
    },
    async start() {
      stops.push(
        await bus.subscribe(topics.sessions, (message) => hub.endSessions(message.endedSessionIds)),
        bus.onGap(() => hub.checkAll()),
        (options.everySecond ?? everySecond)(() => void hub.tick()),
      );
    },
    handleUpgrade(request, socket, head) {
      upgrades += 1;
      const destroy = () => void socket.destroy();
      socket.on("error", destroy);
      upgrade(request, socket, head)
        .then(() => void socket.off("error", destroy))
        .catch((error) => refuseUpgrade(request, socket, error, entranceOf(entrances, request)))
        .finally(() => {
          upgrades -= 1;
        });
    },
    async stop() {
      isStopping = true;
      for (const stop of stops.splice(0)) stop();
      for (const connection of [...hub.connections]) connection.drain();
      await untilEmpty(hub.connections, stopGraceMs);
      for (const connection of [...hub.connections]) connection.close(closeReasons.restart);
      await untilEmpty(hub.connections, goodbyeMs);
      if (hub.connections.size > 0) log.warn({ sockets: hub.connections.size }, "sockets had to be cut off");
      for (const connection of [...hub.connections]) connection.terminate();
      hub.stop();
    },
  };
}

function createWebSocketServer(maxPayload: number, entrances: SocketEntrances): WebSocketServer {
  const limits = { maxPayload, maxFragments, closeTimeout: closeTimeoutMs };
  const wss = new WebSocketServer({
    ...limits,
    noServer: true,
    clientTracking: false,
    // Costs 340 KB for each socket and five sixths of the throughput.
    perMessageDeflate: false,
    handleProtocols: ([first], request) => (entranceOf(entrances, request) ? first! : subprotocol),
  });
  wss.on("headers", (lines, request) => {
    const { headers = {} } = entranceOf(entrances, request) ?? {};
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  });
  // Without a listener ws would answer in HTML.
  return wss.on("wsClientError", (error, socket, request) => {
    const reason = fault("malformed-request", { detail: error.message });
    refuseUpgrade(request, socket, reason, entranceOf(entrances, request));
  });
}

function everySecond(work: () => void): () => void {
  const timer = setInterval(work, 1_000);
  return () => clearInterval(timer);
}

const pollMs = 20;

async function untilEmpty(set: ReadonlySet<unknown>, timeoutMs: number): Promise<void> {
  for (const until = performance.now() + timeoutMs; set.size > 0 && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
