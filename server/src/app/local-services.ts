/** The services that this process runs, each with its own connections to the database; nothing is started yet. */

import type { PodClients } from "#app/pod-clients.ts";
import type { Storage } from "#app/storage.ts";
import { createBlobs } from "#blobs/service.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Config } from "#config/config.ts";
import type { ServiceName } from "#config/roles.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { createDispatch } from "#dispatch/service.ts";
import { createIdentity } from "#identity/service.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import { createMessenger } from "#messenger/service.ts";
import type { Bus } from "#platform/bus.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import { createDatabase, type Database } from "#platform/database.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import type { Jobs } from "#platform/jobs/jobs.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import type { Service } from "#platform/service.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import type { StopList } from "#platform/stop-list.ts";
import { traceService } from "#platform/telemetry/traced-service.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import type { SearchClients } from "#search/clients.ts";
import { createSearch } from "#search/service.ts";

/** Those of this process's roles, in the order in which they start. */
export type LocalServices = Partial<Record<ServiceName, Service>>;

export interface LocalServicesOptions {
  config: Config;
  storage: Storage;
  redis: Redis | undefined;
  bus: Bus;
  stamps: Stamps | undefined;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
  stops: StopList;
  circuits: Circuits;
  pods: PodClients;
  /** Undefined where dispatch does not run here. */
  catalogue: Catalogue | undefined;
  /** Undefined where blobs do not run here. */
  blobStore: ObjectStore | undefined;
}

/** Two for the batches under way, and one for looking up the originals of repetitions. */
const sendConnections = 3;

/** A search keeps one busy: more would only take the processors from everything else. */
const searchConnections = 4;

/** Permits and money of a few providers at a time: each has one exchange under way at the most. */
const ledgerConnections = 4;

/** Adds them to `services`, each after those that it calls. */
export function createLocalServices(
  options: LocalServicesOptions,
  services: LocalServices,
  clients: { forMessenger(): MessengerClients; forSearch(): SearchClients },
): void {
  const { catalogue, blobStore } = options;
  const runs = (name: ServiceName) => options.config.general.PARLEY_ROLES.includes(name);
  const traced = (service: Service) => traceService(service, options.telemetry);
  if (runs("identity")) services.identity = traced(identityOf(options));
  if (catalogue) services.dispatch = traced(dispatchOf(options, catalogue));
  if (blobStore) services.blobs = traced(blobsOf(options, blobStore));
  if (runs("messenger")) services.messenger = traced(messengerOf(options, clients.forMessenger()));
  if (runs("search")) services.search = traced(searchOf(options, clients.forSearch()));
}

function identityOf(options: LocalServicesOptions): Service {
  const { config, storage, bus, stamps, clock, log } = options;
  return createIdentity({
    config: config.identity,
    database: openDatabase("identity", options),
    secretKey: storage.secretKey,
    bus,
    ...(stamps ? { stamps } : {}),
    clock,
    log: log.child({ service: "identity" }),
  });
}

function dispatchOf(options: LocalServicesOptions, catalogue: Catalogue): Service {
  const { config, bus, circuits, clock, telemetry, log } = options;
  return createDispatch({
    config: config.dispatch,
    catalogue,
    database: openDatabase("dispatch", options),
    ledgerDatabase: openDatabase("dispatch-ledger", options, ledgerConnections),
    bus,
    circuits,
    clock,
    telemetry,
    log: log.child({ service: "dispatch" }),
  });
}

function messengerOf(options: LocalServicesOptions, clients: MessengerClients): Service {
  const { config, bus, stamps, telemetry } = options;
  const database = openDatabase("messenger", options);
  const log = options.log.child({ service: "messenger" });
  return createMessenger({
    config: config.messenger,
    database,
    sendDatabase: openDatabase("messenger-sends", options, sendConnections),
    searchDatabase: openDatabase("messenger-search", options, searchConnections),
    bus,
    ...(stamps ? { stamps } : {}),
    clients,
    jobs: jobsOf("messenger", options, { database, log }),
    telemetry,
    log,
  });
}

function searchOf(options: LocalServicesOptions, clients: SearchClients): Service {
  const { config, redis, bus, telemetry } = options;
  const database = openDatabase("search", options);
  const log = options.log.child({ service: "search" });
  const jobs = jobsOf("search", options, { database, log });
  return createSearch({ config: config.search, database, redis, jobs, clients, bus, telemetry, log });
}

function jobsOf(
  service: ServiceName,
  { config, telemetry }: LocalServicesOptions,
  { database, log }: { database: Database; log: Log },
): Jobs {
  const { AMQP_URL: amqpUrl, PARLEY_JOBS_MAX_WAITING: maxWaiting } = config.jobs;
  return createJobs({ service, database, amqpUrl, maxWaiting, telemetry, log });
}

function blobsOf(options: LocalServicesOptions, store: ObjectStore): Service {
  const { config, pods, clock, telemetry, log } = options;
  return createBlobs({
    config: config.blobs,
    dataDir: config.dataDir,
    database: openDatabase("blobs", options),
    store,
    toPod: (url) => pods.to(url),
    clock,
    telemetry,
    log: log.child({ service: "blobs" }),
  });
}

export function openDatabase(
  user: string,
  {
    config,
    storage,
    stops,
    telemetry,
    log,
  }: Pick<LocalServicesOptions, "config" | "storage" | "stops" | "telemetry" | "log">,
  maxConnections = config.database.PARLEY_DATABASE_CONNECTIONS,
): Database {
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
}
