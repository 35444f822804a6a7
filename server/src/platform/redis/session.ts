/** A Redis as it is found at the moment, one server or a cluster: connected to, and used until the first trouble. */
import { readClusterSlots, type SlotRange, slotCount, slotOf } from "#platform/redis/cluster-slots.ts";
import {
  connectClient,
  type NodeAddress,
  type NodeClient,
  type NodeCredentials,
} from "#platform/redis/node-client.ts";
import { type NodeLink, type NodeLinkOptions, openNodeLink } from "#platform/redis/node-link.ts";
import { RedisRefusedError } from "#platform/redis/redis-errors.ts";

export interface SessionOptions {
  /** Any node of a cluster. */
  address: NodeAddress;
  credentials: NodeCredentials;
  commandTimeoutMs: number;
  onMessage: NodeLinkOptions["onMessage"];
}

export interface RedisSession {
  readonly isCluster: boolean;
  /** Where to find the cluster again when the first address is gone. */
  readonly nodes: readonly NodeAddress[];
  /** Resolves, never rejects, when it is over. */
  readonly lost: Promise<Error>;
  linkOf(key: string): NodeLink;
  links(): Iterable<NodeLink>;
  lose(error: Error): void;
}

const minMajorVersion = 7;

/** Throws RedisRefusedError, or what isRefusal recognises, when waiting would be of no use. */
export async function openSession(options: SessionOptions): Promise<RedisSession> {
  const ranges = await explore(options);
  const { promise: lost, resolve: tellLost } = Promise.withResolvers<Error>();
  const links = new Map<string, NodeLink>();
  const lose = (error: Error) => {
    for (const link of links.values()) link.destroy();
    tellLost(error);
  };
  const nodes = ranges ? distinct(ranges.map(({ master }) => master)) : [options.address];
  try {
    for (const address of nodes) {
      const link = await openNodeLink({ ...options, address, isSharded: ranges !== undefined, onLost: lose });
      links.set(nameOf(address), link);
    }
  } catch (error) {
    lose(error as Error);
    throw error;
  }
  const base = { isCluster: ranges !== undefined, nodes, lost, lose, links: () => links.values() };
  if (!ranges) {
    const [only] = links.values();
    return { ...base, linkOf: () => only! };
  }
  const owners = new Array<NodeLink>(slotCount);
  for (const { first, last, master } of ranges) owners.fill(links.get(nameOf(master))!, first, last + 1);
  return { ...base, linkOf: (key) => owners[slotOf(key)]! };
}

/** Looks whether the server can be used, and answers the slots of a cluster. */
async function explore({ address, credentials }: SessionOptions): Promise<SlotRange[] | undefined> {
  const client = await connectClient({ address, credentials, protocol: 2, onLost: () => {} });
  const timer = setTimeout(() => client.destroy(), exploreTimeoutMs);
  try {
    const about = await serverInfo(client);
    const version = String(about.version);
    if (!(Number.parseInt(version, 10) >= minMajorVersion))
      throw new RedisRefusedError(`is version ${version}; Parley needs ${minMajorVersion} or newer`);
    if (about.mode === "sentinel")
      throw new RedisRefusedError("is a Redis Sentinel; name the Redis server itself");
    await client.sendCommand(["EVAL", "return redis.call('TIME')[1]", "0"]);
    await client
      .sendCommand([about.mode === "cluster" ? "SPUBLISH" : "PUBLISH", "parley:probe", ""])
      .catch(ignoreMoved);
    if (about.mode !== "cluster") return undefined;
    return readClusterSlots(await client.sendCommand(["CLUSTER", "SLOTS"]), address);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}

const exploreTimeoutMs = 2_000;

async function serverInfo(client: NodeClient): Promise<Record<string, unknown>> {
  const flat = (await client.sendCommand(["HELLO"])) as unknown[];
  return Object.fromEntries(
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]),
  );
}

function ignoreMoved(error: Error) {
  if (!error.message.startsWith("MOVED")) throw error;
}

const nameOf = ({ host, port }: NodeAddress) => `${host}:${port}`;

function distinct(addresses: NodeAddress[]): NodeAddress[] {
  return [...new Map(addresses.map((address) => [nameOf(address), address])).values()];
}
