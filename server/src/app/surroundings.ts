/** What all parts of one process share, opened in the order in which they need each other. */
import { openStamps } from "#app/stamps.ts";
import type { Config } from "#config/config.ts";
import { type Bus, createLocalBus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { meterBus } from "#platform/metered-bus.ts";
import { type OpsServer, startOpsServer } from "#platform/ops-server.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { createRedisBus } from "#platform/redis-bus.ts";
import { createSharedClock, type SharedClock } from "#platform/shared-clock.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import type { StopList } from "#platform/stop-list.ts";
import type { RunningTelemetry } from "#platform/telemetry.ts";

export interface Surroundings {
  readonly config: Config;
  readonly log: Log;
  /** Stops a start that is under way. */
  readonly signal: AbortSignal | undefined;
  /** What is to be stopped again; each part adds itself once it runs. */
  readonly stops: StopList;
  readonly telemetry: RunningTelemetry;
  readonly ops: OpsServer;
  /** Undefined without REDIS_URL: this process is the only one. */
  readonly redis: Redis | undefined;
  readonly bus: Bus;
  /** Undefined: no answers are kept. */
  readonly stamps: Stamps | undefined;
  readonly clock: SharedClock;
}

type Known = Pick<Surroundings, "config" | "log" | "signal" | "stops" | "telemetry">;

/** For tests: another bus, another time of day. */
interface Overrides {
  bus?: Bus;
  clock?: Clock;
}

export async function openSurroundings(known: Known, overrides: Overrides): Promise<Surroundings> {
  const { config, log, stops, telemetry } = known;
  const ops = await startOps(known);
  const redis = await startRedis(known, ops);
  const bus = meterBus(overrides.bus ?? createBus(known, redis), telemetry);
  const { stamps, stop: stopStamps } = openStamps(config, redis, log);
  stops.add("stamps", stopStamps);
  const clock = overrides.clock ? unadjusted(overrides.clock) : createSharedClock(log);
  return { ...known, ops, redis, bus, stamps, clock };
}

async function startOps({ config, log, stops, telemetry }: Known): Promise<OpsServer> {
  const ops = await startOpsServer({
    host: config.gateway.PARLEY_HOST,
    port: config.general.PARLEY_OPS_PORT,
    log,
    scrape: () => telemetry.scrape(),
  });
  stops.add("ops server", () => ops.stop());
  ops.waitFor("start");
  return ops;
}

/** Waits for Redis, so that a start says what is wrong. */
async function startRedis(known: Known, ops: OpsServer): Promise<Redis | undefined> {
  const { config, signal, stops, telemetry } = known;
  const url = config.redis.REDIS_URL;
  if (!url) return undefined;
  const log = known.log.child({ service: "redis" });
  const redis = openRedis({ url, log, meter: telemetry.meter });
  stops.add("redis", () => redis.stop());
  ops.waitFor("redis");
  log.info("waiting for Redis");
  await redis.untilReady(signal);
  ops.ready("redis");
  return redis;
}

function createBus({ log, stops, telemetry }: Known, redis: Redis | undefined): Bus {
  if (!redis) return createLocalBus((error) => log.error({ err: error }, "a bus handler failed"));
  const bus = createRedisBus({ redis, log: log.child({ service: "bus" }), meter: telemetry.meter });
  stops.add("bus", async () => bus.stop());
  return bus;
}

const unadjusted = (clock: Clock): SharedClock => ({ now: () => clock.now(), adopt() {} });
