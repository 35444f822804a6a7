/** Connections of node-redis, each used until it breaks and then thrown away: connecting again is connection.ts's. */
import { isIP } from "node:net";
import { createClient, type RedisClientType } from "@redis/client";

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** What REDIS_URL says beyond an address; the same for all nodes of a cluster. */
export interface NodeCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  readonly database: number;
}

export type NodeClient = RedisClientType;

const defaultPort = 6_379;
const connectTimeoutMs = 2_000;

export function readRedisUrl(text: string): NodeAddress & NodeCredentials {
  const url = new URL(text);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || defaultPort),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    isTls: url.protocol === "rediss:",
    database: Number(url.pathname.slice(1)) || 0,
  };
}

export interface ClientOptions {
  address: NodeAddress;
  credentials: NodeCredentials;
  /** With 3, commands may be sent on a connection that has subscriptions. */
  protocol: 2 | 3;
  /** Called once at the most, after which the client is of no use. Not called before connectClient has resolved. */
  onLost(error: Error): void;
}

/** Rejects within seconds when the server is not there, hangs or refuses. */
export async function connectClient(options: ClientOptions): Promise<NodeClient> {
  const client = createNodeClient(options);
  let isConnected = false;
  let isLost = false;
  let lastError: Error = new Error("the connection was closed");
  const lose = (error: Error) => {
    lastError = error;
    if (!isConnected || isLost) return;
    isLost = true;
    options.onLost(error);
  };
  client.on("error", lose);
  client.on("end", () => lose(lastError));
  // A server that hangs accepts the connection, and then says nothing.
  const timer = setTimeout(() => {
    lastError = new Error(`no answer within ${connectTimeoutMs} ms`);
    client.destroy();
  }, connectTimeoutMs);
  try {
    await client.connect();
    if (!client.isReady) throw lastError;
    isConnected = true;
    return client;
  } catch (error) {
    client.destroy();
    throw error instanceof Error && error.message ? error : lastError;
  } finally {
    clearTimeout(timer);
  }
}

function createNodeClient({ address, credentials, protocol }: ClientOptions): NodeClient {
  const { host, port } = address;
  const servername = isIP(host) ? {} : { servername: host };
  const tls = credentials.isTls ? { tls: true as const, ...servername } : {};
  const identity = {
    ...(credentials.username && { username: credentials.username }),
    ...(credentials.password && { password: credentials.password }),
  };
  return createClient({
    ...identity,
    socket: { host, port, ...tls, connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    ...(credentials.database > 0 && { database: credentials.database }),
    RESP: protocol,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    // node-redis would make a timer for every command; node-link.ts watches them all with one.
    commandOptions: { timeout: 0 },
  } as Parameters<typeof createClient>[0]) as unknown as NodeClient;
}
