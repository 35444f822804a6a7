/** What the gateway costs: the same reads through it, straight from the service, and through nginx. */
import { cheapPasswords } from "../accounts.ts";
import { atLeastOfFloor, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { type ClusterProcess, startCluster } from "../process/cluster-process.ts";
import { inspectOption, openInspector } from "../process/inspector.ts";
import { startLoadProcess } from "../process/load-process.ts";
import { startNginx } from "../process/nginx-process.ts";
import { profileOf, startProfile } from "../process/processor-profile.ts";
import { tell } from "../progress.ts";
import { compareWays, type Way, type WayResult } from "./compare-ways.ts";
import { createPairs } from "./people.ts";
import { createReads, type Read } from "./read-requests.ts";
import { serviceCredential } from "./service-credential.ts";
import { writeHistory } from "./write-history.ts";

const pairCount = 20;
const connections = 32;
const pageSize = 50;
const distinctRequests = 2_000;
const minShareOfNginx = 0.6;

export const hopCase: BenchCase = {
  name: "hop",
  about: "the same reads through a split gateway, through nginx, and straight from the service",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  await using cluster = await startCluster({
    gateways: 1,
    settings: { ...cheapPasswords, PARLEY_CACHE: "off", PARLEY_THROTTLING: "off" },
    nodeOptionsOf: (name) => (options.profile && name === "gateway-1" ? [inspectOption] : []),
  });
  const gateway = cluster.gateways[0]!;
  const pairs = await createPairs(gateway.url, pairCount);
  await writeHistory("hop", { socketUrl: gateway.wsUrl, pid: gateway.pid }, pairs, options.windowMs);
  const reads = await createReads({ pairs, pageSize, distinct: distinctRequests });
  await using nginx = await startNginx(portOf(cluster.messenger.serviceUrl));
  if (!nginx) tell("hop: THERE IS NO NGINX on this machine: the gateway is not compared with it");
  const measured: { read: Read; results: WayResult[] }[] = [];
  for (const read of reads) {
    const results = await compareWays(waysOf(read, cluster, nginx), {
      connections,
      windowMs: options.windowMs * 0.75,
    });
    measured.push({ read, results });
  }
  const profile = options.profile ? await profileGateway(cluster, reads[0]!, options.windowMs) : undefined;
  return {
    measures: measured.flatMap(({ read, results }) => measuresOf(read, results)),
    notes: [
      `${connections} requests under way at once, closed loop, ${distinctRequests.toLocaleString("en")} different requests of ${pairCount * 2} people; gateway, identity and messenger one process each, cache and throttling off. The ways were measured in turn.`,
      nginx
        ? "nginx has one worker and passes gRPC on to the same port of the messenger; gRPC through all three with the same generator."
        : "THERE IS NO NGINX on this machine: the gateway was NOT compared with it.",
      ...measured.flatMap(({ read, results }) => costNotes(read, results)),
    ],
    ...profileOf(profile),
  };
}

/** Straight, through the gateway as REST, through the gateway as gRPC, and through nginx where there is one. */
function waysOf(
  read: Read,
  cluster: ClusterProcess,
  nginx: { port: number; pid: number } | undefined,
): Way[] {
  const { messenger, databasePid } = cluster;
  const gateway = cluster.gateways[0]!;
  const behind = { messenger: messenger.pid, PostgreSQL: databasePid };
  const asService = read.grpc(({ userId }) => serviceCredential(cluster.serviceToken, "messenger", userId));
  const asUser = read.grpc(({ accessToken }) => `Bearer ${accessToken}`);
  const way = (name: string, rest: Omit<Way, "name">): Way => ({
    name: `hop: ${read.name}, ${name}`,
    ...rest,
  });
  const grpc = { protocol: "grpc", requests: asService } as const;
  const throughGateway = { gateway: gateway.pid, ...behind };
  const ways = [
    way("straight from the messenger", { ...grpc, port: portOf(messenger.serviceUrl), processes: behind }),
    way("through the gateway, REST", {
      protocol: "http",
      port: portOf(gateway.url),
      requests: read.rest,
      processes: throughGateway,
    }),
    way("through the gateway, gRPC", {
      protocol: "grpc",
      port: portOf(gateway.grpcUrl),
      requests: asUser,
      processes: throughGateway,
    }),
  ];
  if (!nginx) return ways;
  return [
    ...ways,
    way("through nginx", { ...grpc, port: nginx.port, processes: { nginx: nginx.pid, ...behind } }),
  ];
}

function measuresOf({ name }: Read, [straight, rest, grpc, nginx]: WayResult[]): Measure[] {
  const measure = (text: string, { perSecond }: WayResult): Measure => ({
    name: text,
    unit: "req/s",
    value: perSecond,
    floor: {
      name: nginx ? "through nginx" : "straight (no nginx here)",
      value: (nginx ?? straight!).perSecond,
    },
  });
  const withTarget = (one: Measure): Measure =>
    nginx
      ? { ...one, target: atLeastOfFloor(minShareOfNginx, one.value.median, nginx.perSecond.median) }
      : one;
  return [
    withTarget(measure(`${name} through a split gateway, gRPC`, grpc!)),
    withTarget(measure(`${name} through a split gateway, REST`, rest!)),
    measure("  the same straight from the messenger", straight!),
  ];
}

function costNotes({ name }: Read, results: WayResult[]): string[] {
  const ways = ["straight", "gateway, REST", "gateway, gRPC", "nginx"];
  return results.map(
    ({ cost, meanBodyBytes }, index) =>
      `Processor time for ${name} (${(meanBodyBytes / 1_024).toFixed(1)} KB), ${ways[index]}: ${cost}.`,
  );
}

async function profileGateway(cluster: ClusterProcess, read: Read, windowMs: number) {
  await using load = startLoadProcess();
  const gateway = cluster.gateways[0]!;
  using inspector = await openInspector(cluster.inspectorUrlOf(gateway.name));
  const stop = await startProfile(inspector);
  const target = { host: "127.0.0.1", port: portOf(gateway.url), requests: read.rest };
  await load.call("runHttp", { ...target, connections, warmupMs: 0, windowMs, seed: 1 });
  return await stop();
}

const portOf = (url: string) => Number(new URL(url).port);
