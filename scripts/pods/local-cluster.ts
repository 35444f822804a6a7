/** A Parley of several processes on this machine: its roles apart, some of them more than once. */
import { randomBytes } from "node:crypto";
import { requireFree } from "./free-port.ts";
import { createPod, type Pod, type PodPorts } from "./pod.ts";

export interface LocalClusterOptions {
  databaseUrl: string;
  redisUrl: string;
  /** What carries the jobs; in the database when absent. */
  amqpUrl?: string | undefined;
  gateways?: number;
  messengers?: number;
  identities?: number;
  dispatchers?: number;
  searchers?: number;
  /** They share the object store, which the settings must name when there are several. */
  blobs?: number;
  /** Both are made up when absent: then nothing that they protect outlives the cluster. */
  secretKey?: string;
  serviceToken?: string;
  /** Settings of all pods, beyond those that make a cluster of them. */
  settings?: Record<string, string>;
  /** Further ones of the pod with that name. */
  settingsOf?: (podName: string) => Record<string, string>;
  /** Options for Node, of the pod with that name. */
  nodeOptionsOf?: (podName: string) => readonly string[];
  /** Ports of the pod with that number, counted over all pods. */
  portsOf(index: number): PodPorts | Promise<PodPorts>;
  onLine?: (podName: string, line: string) => void;
  onUnexpectedEnd?: (pod: Pod, how: string) => void;
}

export interface LocalCluster {
  readonly gateways: readonly Pod[];
  readonly identities: readonly Pod[];
  readonly messengers: readonly Pod[];
  readonly dispatchers: readonly Pod[];
  readonly searchers: readonly Pod[];
  readonly blobs: readonly Pod[];
  readonly pods: readonly Pod[];
  start(): Promise<void>;
  /** Gateways first, then search, then messengers, so that nobody is left without the services they call. */
  stop(): Promise<void>;
}

type Role = "gateway" | "identity" | "messenger" | "dispatch" | "search" | "blobs";

export async function createLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const counts: [Role, number][] = [
    ["gateway", options.gateways ?? 2],
    ["identity", options.identities ?? 1],
    ["messenger", options.messengers ?? 2],
    ["dispatch", options.dispatchers ?? 1],
    ["search", options.searchers ?? 1],
    ["blobs", options.blobs ?? 1],
  ];
  const places: { role: Role; name: string; ports: PodPorts }[] = [];
  for (const [role, count] of counts) {
    for (let nth = 1; nth <= count; nth++) {
      places.push({ role, name: `${role}-${nth}`, ports: await options.portsOf(places.length) });
    }
  }
  const urlsOf = (role: Role) =>
    places.filter((place) => place.role === role).map(({ ports }) => `http://127.0.0.1:${ports.service}`);
  const settings = settingsByRole(options, {
    identity: urlsOf("identity"),
    messenger: urlsOf("messenger"),
    dispatch: urlsOf("dispatch"),
    search: urlsOf("search"),
    blobs: urlsOf("blobs"),
  });
  const pods = places.map(({ role, name, ports }) => ({
    role,
    pod: createPod({
      name,
      ports,
      settings: { ...options.settings, ...options.settingsOf?.(name), ...settings[role] },
      nodeOptions: options.nodeOptionsOf?.(name),
      onLine: (line) => options.onLine?.(name, line),
      onUnexpectedEnd: options.onUnexpectedEnd,
    }),
  }));
  const ofRole = (role: Role) => pods.filter((one) => one.role === role).map((one) => one.pod);
  const [gateways, messengers] = [ofRole("gateway"), ofRole("messenger")];
  const [identities, dispatchers, searchers] = [ofRole("identity"), ofRole("dispatch"), ofRole("search")];
  const blobs = ofRole("blobs");
  const end = (some: readonly Pod[]) => Promise.all(some.map((pod) => pod.end("SIGTERM")));
  return {
    gateways,
    identities,
    messengers,
    dispatchers,
    searchers,
    blobs,
    pods: pods.map((one) => one.pod),
    async start() {
      // Else whoever has a pod's port would be taken for the pod.
      for (const { name, ports } of places) {
        await requireFree(Object.values(ports)).catch((error) => {
          throw new Error(`${name}: ${error.message}`, { cause: error });
        });
      }
      await Promise.all(pods.map((one) => one.pod.start()));
    },
    async stop() {
      await end(gateways);
      await end(searchers);
      await end(messengers);
      await end([...identities, ...dispatchers, ...blobs]);
    },
  };
}

/** Each role gets what it needs and no more. */
function settingsByRole(
  options: LocalClusterOptions,
  urls: Record<Exclude<Role, "gateway">, string[]>,
): Record<Role, Record<string, string>> {
  const { secretKey = newSecret(), serviceToken = newSecret() } = options;
  const shared = { REDIS_URL: options.redisUrl, PARLEY_SERVICE_TOKEN: serviceToken };
  const stored = { ...shared, DATABASE_URL: options.databaseUrl };
  const jobs = options.amqpUrl ? { AMQP_URL: options.amqpUrl } : {};
  const searched = {
    PARLEY_IDENTITY_URL: urls.identity.join(","),
    PARLEY_MESSENGER_URL: urls.messenger.join(","),
  };
  return {
    identity: { ...stored, PARLEY_ROLES: "identity", PARLEY_SECRET_KEY: secretKey },
    messenger: {
      ...stored,
      ...jobs,
      PARLEY_ROLES: "messenger",
      PARLEY_DISPATCH_URL: urls.dispatch.join(","),
      PARLEY_BLOBS_URL: urls.blobs.join(","),
    },
    blobs: { ...stored, PARLEY_ROLES: "blobs" },
    dispatch: { ...stored, PARLEY_ROLES: "dispatch" },
    search: {
      ...stored,
      ...searched,
      ...jobs,
      PARLEY_ROLES: "search",
    },
    gateway: {
      ...shared,
      ...searched,
      PARLEY_ROLES: "gateway",
      PARLEY_DISPATCH_URL: urls.dispatch.join(","),
      PARLEY_SEARCH_URL: urls.search.join(","),
      PARLEY_BLOBS_URL: urls.blobs.join(","),
    },
  };
}

const newSecret = () => randomBytes(32).toString("base64");
