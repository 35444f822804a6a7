/**
 * The composition root: the only place that knows all services. It makes those that this process runs, hands them
 * what they need, starts them in the order of their dependencies, and stops them in the reverse order.
 */
import { fileURLToPath } from "node:url";
import { createClockSync } from "#app/clock-sync.ts";
import { createLocalServices, openDatabase } from "#app/local-services.ts";
import { createServiceTransports } from "#app/service-clients.ts";
import { openStamps } from "#app/stamps.ts";
import { createStopList, type StopList } from "#app/stop-list.ts";
import { openStorage, type Storage } from "#app/storage.ts";
import type { Config } from "#config/config.ts";
import { roleNames, serviceNames } from "#config/general.ts";
import { createGateway } from "#gateway/service.ts";
import { type Bus, createLocalBus } from "#platform/bus.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { meterBus } from "#platform/metered-bus.ts";
import { type OpsServer, startOpsServer } from "#platform/ops-server.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { createRedisBus } from "#platform/redis-bus.ts";
import type { Service } from "#platform/service.ts";
import { createSharedClock, type SharedClock } from "#platform/shared-clock.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import { type RunningTelemetry, startTelemetry } from "#platform/telemetry.ts";
import { startServiceServer } from "#platform/wire/service-server.ts";
import packageJson from "../../package.json" with { type: "json" };

export interface AppOptions {
  config: Config;
  log: Log;
  /** Stops a start that is under way. */
  signal?: AbortSignal;
  /** For tests: another time of day, another bus. */
  clock?: Clock;
  bus?: Bus;
}

export interface App {
  /** Undefined where there is no gateway. */
  readonly httpPort: number | undefined;
  readonly grpcPort: number | undefined;
  /** Where other processes find this one's services; undefined when there are none. */
  readonly servicePort: number | undefined;
  readonly opsPort: number;
  /** Finishes what is in flight, then lets go of everything. Never throws. */
  stop(): Promise<void>;
}

/** What all parts of one process share. */
interface Surroundings {
  readonly config: Config;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  readonly ops: OpsServer;
  readonly telemetry: RunningTelemetry;
  readonly bus: Bus;
  readonly redis: Redis | undefined;
  readonly stamps: Stamps | undefined;
  readonly clock: SharedClock;
  readonly stops: StopList;
}

const webRoot = fileURLToPath(new URL("../../../web/dist", import.meta.url));
const stopGraceMs = 5_000;

export async function startApp(options: AppOptions): Promise<App> {
  const { config, log, signal } = options;
  const stops = createStopList(log);
  const runs = config.general.PARLEY_ROLES;
  const telemetry = startTelemetry({ config: config.telemetry, version: packageJson.version, log });
  // First, so that it is stopped last.
  stops.add("telemetry", () => telemetry.stop());
  try {
    // Before the ops port, so that a second start on the same data says just that.
    const storage = serviceNames.some((name) => runs.includes(name))
      ? await openStorage(config, log, signal)
      : undefined;
    if (storage) stops.add("storage", () => storage.stop());
    const surroundings = await prepare(options, telemetry, stops);
    const local = storage ? await startServices(surroundings, storage, options.clock) : {};
    const servicePort = await serveToOthers(surroundings, Object.values(local));
    const gateway = runs.includes("gateway") ? await startGateway(surroundings, local) : undefined;
    const { ops } = surroundings;
    ops.ready("start");
    return {
      httpPort: gateway?.httpPort,
      grpcPort: gateway?.grpcPort,
      servicePort,
      opsPort: ops.port,
      stop() {
        // Told before the drain begins, so that no new traffic is sent here.
        ops.waitFor("stopping");
        return stops.run();
      },
    };
  } catch (error) {
    await stops.run();
    throw error;
  }
}

async function prepare(
  options: AppOptions,
  telemetry: RunningTelemetry,
  stops: StopList,
): Promise<Surroundings> {
  const { config, log, signal } = options;
  const ops = await startOpsServer({
    host: config.gateway.PARLEY_HOST,
    port: config.general.PARLEY_OPS_PORT,
    log,
    scrape: () => telemetry.scrape(),
  });
  stops.add("ops server", () => ops.stop());
  ops.waitFor("start");
  const redis = await startRedis(options, { ops, telemetry, stops });
  const bus = meterBus(options.bus ?? createBus(log, redis, { telemetry, stops }), telemetry);
  const { stamps, stop: stopStamps } = openStamps(config, redis, log);
  stops.add("stamps", stopStamps);
  const clock = options.clock ? fixed(options.clock) : createSharedClock(log);
  return { config, log, signal, ops, telemetry, bus, redis, stamps, clock, stops };
}

const fixed = (clock: Clock): SharedClock => ({ now: () => clock.now(), adopt() {} });

/** Undefined without REDIS_URL: this process is the only one. Waits for Redis, so that a start says what is wrong. */
async function startRedis(
  options: AppOptions,
  { ops, telemetry, stops }: Pick<Surroundings, "ops" | "telemetry" | "stops">,
): Promise<Redis | undefined> {
  const { config, signal } = options;
  const url = config.redis.REDIS_URL;
  if (!url) return undefined;
  const log = options.log.child({ service: "redis" });
  const redis = openRedis({ url, log, meter: telemetry.meter });
  stops.add("redis", () => redis.stop());
  ops.waitFor("redis");
  log.info("waiting for Redis");
  await redis.untilReady(signal);
  ops.ready("redis");
  return redis;
}

function createBus(
  log: Log,
  redis: Redis | undefined,
  { telemetry, stops }: Pick<Surroundings, "telemetry" | "stops">,
): Bus {
  if (!redis) return createLocalBus((error) => log.error({ err: error }, "a bus handler failed"));
  const bus = createRedisBus({ redis, log: log.child({ service: "bus" }), meter: telemetry.meter });
  stops.add("bus", async () => bus.stop());
  return bus;
}

async function startServices(surroundings: Surroundings, storage: Storage, fixedClock: Clock | undefined) {
  const { clock, log, ops, stops, signal } = surroundings;
  const local = createLocalServices({ ...surroundings, storage });
  if (!fixedClock) {
    const sync = createClockSync(clock, openDatabase("clock", { ...surroundings, storage }, 1), log);
    await sync.start();
    stops.add("clock", async () => sync.stop());
  }
  for (const service of Object.values(local)) {
    signal?.throwIfAborted();
    ops.waitFor(service.name);
    await service.start();
    stops.add(service.name, () => service.stop());
    ops.ready(service.name);
  }
  return local;
}

/** A process that runs everything has nobody to serve. */
async function serveToOthers(surroundings: Surroundings, services: Service[]): Promise<number | undefined> {
  const { config, clock, log, stops } = surroundings;
  if (services.length === 0 || config.general.PARLEY_ROLES.length === roleNames.length) return undefined;
  const server = await startServiceServer({
    services,
    host: config.gateway.PARLEY_HOST,
    port: config.service.PARLEY_SERVICE_PORT,
    serviceTokens: config.service.PARLEY_SERVICE_TOKEN,
    clock,
    log,
  });
  stops.add("service port", () => server.stop(stopGraceMs));
  return server.port;
}

async function startGateway(
  surroundings: Surroundings,
  local: Parameters<typeof createServiceTransports>[0]["local"],
) {
  const { config, log, ops, stops, signal, telemetry } = surroundings;
  signal?.throwIfAborted();
  ops.waitFor("gateway");
  const circuits = createCircuits({ settings: config.circuits, meter: telemetry.meter, log });
  const services = createServiceTransports({ ...surroundings, circuits, local });
  stops.add("services", () => services.stop());
  await services.start();
  const gateway = createGateway({
    ...surroundings,
    config: config.gateway,
    clients: services.clients,
    circuits,
    webRoot,
    log: log.child({ service: "gateway" }),
  });
  stops.add("gateway", () => gateway.stop());
  const ports = await gateway.start(signal);
  ops.ready("gateway");
  return ports;
}
