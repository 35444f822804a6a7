/**
 * A whole Parley in this process for tests: real database, real ports, everything else as in production. With
 * PARLEY_TEST_SHAPE=split its roles run apart, with gRPC and a Redis between them: the same tests must pass.
 */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { type App, type AppOptions, startApp } from "#app/app.ts";
import { readConfig } from "#config/config.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { startRedis } from "#test/redis-server.ts";
import { startServicesApart } from "#test/services-apart.ts";

export interface TestParley {
  readonly url: string;
  readonly grpcUrl: string;
  readonly wsUrl: string;
  /** Of the process that clients connect to. */
  readonly opsUrl: string;
  /** Of all processes. */
  readonly opsUrls: readonly string[];
  readonly databaseUrl: string;
  /** What it was configured with; start another pod with the same. */
  readonly environment: Record<string, string>;
  stop(): Promise<void>;
}

export type TestOptions = Partial<Pick<AppOptions, "clock" | "bus" | "log" | "signal">>;

export const isSplit = process.env.PARLEY_TEST_SHAPE === "split";

/** For the `skip` option of a test that has a meaning in one process only: why it has none in several. */
export const inOneProcess = (reason: string) =>
  isSplit ? `all roles in one process only: ${reason}` : false;

/** Cheap password hashing: tests sign many people up, and its strength is tested elsewhere. */
export const cheapHashing = { PARLEY_ARGON2_MEMORY_KIB: "1024", PARLEY_ARGON2_PASSES: "1" };

/** The limits count, but nobody reaches them however fast the machine is. Tests of a limit set their own. */
export const ampleLimits = Object.fromEntries(
  [
    "READ",
    "WRITE",
    "SEND",
    "LOOKUP",
    "SEARCH",
    "SOCKET",
    "SIGN_IN",
    "SIGN_UP",
    "ADDRESS",
    "MESSENGER_V1",
  ].map((name) => [`PARLEY_LIMIT_${name}`, "100000/s burst 1000000"]),
);

/** A search that runs out of time answers what it has: tests that want all of it give it more than a busy machine takes. */
export const ampleSearchTime = { PARLEY_SEARCH_TIMEOUT_MS: "8000", PARLEY_SEARCH_TASK_TIMEOUT_MS: "60000" };

export async function startParley(
  environment: Record<string, string> = {},
  options: TestOptions = {},
): Promise<TestParley> {
  const complete = await completeEnvironment(environment);
  const { gateway, pods, stop } = isSplit
    ? await startSplit(complete, options)
    : await startAll(complete, options);
  const opsUrlOf = (pod: App) => `http://127.0.0.1:${pod.opsPort}`;
  return {
    url: `http://127.0.0.1:${gateway.httpPort}`,
    grpcUrl: `http://127.0.0.1:${gateway.grpcPort}`,
    wsUrl: `ws://127.0.0.1:${gateway.httpPort}/v2/ws`,
    opsUrl: opsUrlOf(gateway),
    opsUrls: pods.map(opsUrlOf),
    databaseUrl: complete.DATABASE_URL!,
    environment: complete,
    stop,
  };
}

/** One role, or some, as a pod of their own. Stopped when the test file ends. */
export async function startPod(environment: Record<string, string>, options: TestOptions = {}): Promise<App> {
  const log = options.log ?? createLog(process.env.PARLEY_TEST_LOG === "1" ? "debug" : "silent");
  const anyPorts = {
    PARLEY_PORT: "0",
    PARLEY_GRPC_PORT: "0",
    PARLEY_OPS_PORT: "0",
    PARLEY_SERVICE_PORT: "0",
  };
  const app = await startApp({ ...options, config: readConfig({ ...anyPorts, ...environment }), log });
  after(() => app.stop());
  return app;
}

async function completeEnvironment(environment: Record<string, string>): Promise<Record<string, string>> {
  const own = isSplit && !environment.REDIS_URL ? { REDIS_URL: (await startRedis()).url } : {};
  return {
    DATABASE_URL: environment.DATABASE_URL ?? (await createTestDatabase()).url,
    PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
    ...cheapHashing,
    ...own,
    ...ampleLimits,
    ...environment,
  };
}

async function startAll(environment: Record<string, string>, options: TestOptions) {
  const gateway = await startPod(environment, options);
  return { gateway, pods: [gateway], stop: () => gateway.stop() };
}

async function startSplit(environment: Record<string, string>, options: TestOptions) {
  const { DATABASE_URL, PARLEY_SECRET_KEY, ...rest } = environment as Record<string, string> & {
    DATABASE_URL: string;
    PARLEY_SECRET_KEY: string;
  };
  const shared = { ...rest, PARLEY_SERVICE_TOKEN: PARLEY_SECRET_KEY };
  const services = await startServicesApart((role, urls) => {
    const key = role === "identity" ? { PARLEY_SECRET_KEY } : {};
    // Ports that a test chose are the gateway's.
    return startPod(
      { ...shared, PARLEY_OPS_PORT: "0", ...urls, ...key, DATABASE_URL, PARLEY_ROLES: role },
      options,
    );
  });
  const gateway = await startPod({ ...shared, ...services.urls, PARLEY_ROLES: "gateway" }, options);
  const pods = [gateway, ...services.pods];
  const stop = async () => {
    for (const pod of pods) await pod.stop();
  };
  return { gateway, pods, stop };
}
