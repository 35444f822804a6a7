/**
 * The composition root: the only place that knows all services. It makes what they need, hands it to them, starts
 * them in the order of their dependencies, and stops them in the reverse order.
 */
import { fileURLToPath } from "node:url";
import { createServiceClients } from "#app/service-clients.ts";
import { openStorage, type Storage } from "#app/storage.ts";
import type { Config } from "#config/config.ts";
import { createGateway } from "#gateway/service.ts";
import { createIdentity } from "#identity/service.ts";
import { createMessenger } from "#messenger/service.ts";
import { type Bus, createLocalBus } from "#platform/bus.ts";
import { type Clock, systemClock } from "#platform/clock.ts";
import { createDatabase } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { meterBus } from "#platform/metered-bus.ts";
import { startOpsServer } from "#platform/ops-server.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { startTelemetry, type Telemetry } from "#platform/telemetry.ts";
import { traceService } from "#platform/traced-service.ts";
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
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly opsPort: number;
  /** Finishes what is in flight, then lets go of everything. Never throws. */
  stop(): Promise<void>;
}

const webRoot = fileURLToPath(new URL("../../../web/dist", import.meta.url));

export async function startApp(options: AppOptions): Promise<App> {
  const { config, log, signal } = options;
  const stops = createStopList(log);
  const telemetry = startTelemetry({ config: config.telemetry, version: packageJson.version, log });
  // First, so that it is stopped last.
  stops.add("telemetry", () => telemetry.stop());
  try {
    // Before the ops port, so that a second start on the same data says just that.
    const storage = await openStorage(config, log, signal);
    stops.add("storage", () => storage.stop());
    const ops = await startOpsServer({
      host: config.gateway.PARLEY_HOST,
      port: config.general.PARLEY_OPS_PORT,
      log,
      scrape: () => telemetry.scrape(),
    });
    stops.add("ops server", () => ops.stop());
    ops.waitFor("gateway");
    const { identity, messenger, gateway } = createServices(options, { storage, stops, telemetry });
    for (const service of [identity, messenger]) {
      signal?.throwIfAborted();
      ops.waitFor(service.name);
      await service.start();
      stops.add(service.name, () => service.stop());
      ops.ready(service.name);
    }
    signal?.throwIfAborted();
    stops.add("gateway", () => gateway.stop());
    const { httpPort, grpcPort } = await gateway.start();
    ops.ready("gateway");
    return {
      httpPort,
      grpcPort,
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

/** Two for the batches under way, and one for looking up the originals of repetitions. */
const sendConnections = 3;

interface Surroundings {
  storage: Storage;
  stops: StopList;
  telemetry: Telemetry;
}

/** Makes every service and hands it what it needs; nothing is started yet. */
function createServices(options: AppOptions, { storage, stops, telemetry }: Surroundings) {
  const { config, log, clock = systemClock } = options;
  const onHandlerError = (error: unknown) => log.error({ err: error }, "a bus handler failed");
  const bus = meterBus(options.bus ?? createLocalBus(onHandlerError), telemetry);
  const redis = openSharedRedis(options, stops);
  const databaseFor = (user: string, maxConnections = config.database.PARLEY_DATABASE_CONNECTIONS) => {
    const database = createDatabase(
      {
        connectionString: storage.databaseUrl,
        maxConnections,
        acquireTimeoutMs: config.database.PARLEY_DATABASE_TIMEOUT_MS,
        statementTimeoutMs: config.database.PARLEY_DATABASE_TIMEOUT_MS,
        applicationName: `parley-${user}`,
        telemetry,
      },
      log,
    );
    stops.add(`${user} database`, () => database.close());
    return database;
  };
  const identityService = createIdentity({
    config: config.identity,
    database: databaseFor("identity"),
    secretKey: storage.secretKey,
    bus,
    clock,
    log: log.child({ service: "identity" }),
  });
  const messengerService = createMessenger({
    config: config.messenger,
    database: databaseFor("messenger"),
    sendDatabase: databaseFor("messenger-sends", sendConnections),
    bus,
    telemetry,
    log: log.child({ service: "messenger" }),
  });
  const identity = traceService(identityService, telemetry);
  const messenger = traceService(messengerService, telemetry);
  const gateway = createGateway({
    config: config.gateway,
    clients: createServiceClients({ identity, messenger }, telemetry),
    webRoot,
    bus,
    clock,
    telemetry,
    redis,
    log: log.child({ service: "gateway" }),
  });
  return { identity, messenger, gateway };
}

function openSharedRedis({ config, log }: AppOptions, stops: StopList): Redis | undefined {
  const url = config.redis.REDIS_URL;
  if (!url) return undefined;
  const redis = openRedis({ url, log: log.child({ service: "redis" }) });
  stops.add("redis", () => redis.stop());
  return redis;
}

interface StopList {
  add(name: string, stop: () => Promise<void>): void;
  run(): Promise<void>;
}

/** What was started, to be stopped in the reverse order; one that fails to stop does not keep the others up. */
function createStopList(log: Log): StopList {
  const entries: { name: string; stop: () => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const stopAll = async () => {
    for (const { name, stop } of entries.reverse()) {
      try {
        await stop();
      } catch (error) {
        log.error({ err: error, name }, "did not stop cleanly");
      }
    }
  };
  return {
    add: (name: string, stop: () => Promise<void>) => void entries.push({ name, stop }),
    run: () => (running ??= stopAll()),
  };
}
