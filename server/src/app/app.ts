/**
 * The composition root: the only place that knows all services. What runs is made and started in this order, each part
 * with all it needs, and stopped in the reverse order:
 *
 * 1. telemetry, and the providers that dispatch is to use
 * 2. storage: the database, for a process that runs services
 * 3. what all parts share (surroundings.ts): the ops port, Redis, the bus, stamps, the clock
 * 4. the services that this process runs (local-services.ts), with the ways to those that they call (service-clients.ts)
 * 5. the service port, where other processes call them
 * 6. the gateway
 *
 * Which of 2 and 4 to 6 there are is up to PARLEY_ROLES. It is ready when all of them are.
 */
import { fileURLToPath } from "node:url";
import { createClockSync } from "#app/clock-sync.ts";
import { createLocalServices, type LocalServices, openDatabase } from "#app/local-services.ts";
import { createPodClients } from "#app/pod-clients.ts";
import { openCatalogue } from "#app/provider-catalogue.ts";
import { createServiceClients } from "#app/service-clients.ts";
import { openStorage, type Storage } from "#app/storage.ts";
import { openSurroundings, type Surroundings } from "#app/surroundings.ts";
import { openStore } from "#blobs/stores/open-store.ts";
import type { Config } from "#config/config.ts";
import { areAllRoles, includeAService } from "#config/roles.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import { createGateway } from "#gateway/service.ts";
import type { Bus } from "#platform/bus.ts";
import { type Circuits, createCircuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { createStopList } from "#platform/stop-list.ts";
import { startTelemetry } from "#platform/telemetry.ts";
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

const webRoot = fileURLToPath(new URL("../../../web/dist", import.meta.url));
const stopGraceMs = 5_000;

export async function startApp(options: AppOptions): Promise<App> {
  const { config, log, signal } = options;
  const roles = config.general.PARLEY_ROLES;
  const stops = createStopList(log);
  try {
    const telemetry = startTelemetry({ config: config.telemetry, version: packageJson.version, log });
    stops.add("telemetry", () => telemetry.stop());
    // First, so that a providers file with faults stops the start before anything else happens.
    const catalogue = roles.includes("dispatch") ? await openCatalogue({ config, log, stops }) : undefined;
    // Before the ops port, so that a second start on the same data says just that.
    const storage = includeAService(roles) ? await openStorage(config, log, signal) : undefined;
    if (storage) stops.add("storage", () => storage.stop());
    const surroundings = await openSurroundings({ config, log, signal, stops, telemetry }, options);
    const services: LocalServices = {};
    const circuits = createCircuits({ settings: config.circuits, meter: telemetry.meter, log });
    const clients = createServiceClients({ ...surroundings, circuits, local: services });
    stops.add("service clients", () => clients.stop());
    if (storage) {
      const pods = createPodClients({ ...surroundings, circuits });
      stops.add("pod clients", async () => pods.stop());
      const blobStore = roles.includes("blobs") ? await openBlobStore(surroundings, circuits) : undefined;
      const parts = { ...surroundings, storage, circuits, catalogue, blobStore, pods };
      createLocalServices(parts, services, clients);
    }
    const gatewayClients = roles.includes("gateway") ? clients.forGateway() : undefined;
    await clients.start();
    if (storage) await startServices(surroundings, storage, services, options.clock);
    const isAsked = !areAllRoles(roles) || config.blobs.PARLEY_BLOB_SPOOL_URL !== undefined;
    const servicePort = storage && isAsked ? await openServicePort(surroundings, services) : undefined;
    const gateway = gatewayClients && (await startGateway(surroundings, gatewayClients, circuits));
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

function openBlobStore({ config, telemetry }: Surroundings, circuits: Circuits) {
  return openStore({ config: config.blobs, dataDir: config.dataDir, circuits, telemetry });
}

async function startServices(
  surroundings: Surroundings,
  storage: Storage,
  services: LocalServices,
  fixedClock: Clock | undefined,
): Promise<void> {
  const { clock, log, ops, stops, signal } = surroundings;
  if (!fixedClock) {
    const sync = createClockSync(clock, openDatabase("clock", { ...surroundings, storage }, 1), log);
    await sync.start();
    stops.add("clock", async () => sync.stop());
  }
  for (const service of Object.values(services)) {
    signal?.throwIfAborted();
    ops.waitFor(service.name);
    await service.start();
    stops.add(service.name, () => service.stop());
    ops.ready(service.name);
  }
}

async function openServicePort(surroundings: Surroundings, services: LocalServices): Promise<number> {
  const { config, clock, log, stops } = surroundings;
  const server = await startServiceServer({
    services: Object.values(services),
    host: config.gateway.PARLEY_HOST,
    port: config.service.PARLEY_SERVICE_PORT,
    serviceTokens: config.service.PARLEY_SERVICE_TOKEN,
    clock,
    log,
  });
  stops.add("service port", () => server.stop(stopGraceMs));
  return server.port;
}

async function startGateway(surroundings: Surroundings, clients: GatewayClients, circuits: Circuits) {
  const { config, log, ops, stops, signal } = surroundings;
  signal?.throwIfAborted();
  ops.waitFor("gateway");
  const gateway = createGateway({
    ...surroundings,
    config: config.gateway,
    clients,
    circuits,
    webRoot,
    log: log.child({ service: "gateway" }),
  });
  stops.add("gateway", () => gateway.stop());
  const ports = await gateway.start(signal);
  ops.ready("gateway");
  return ports;
}
