/** A whole Parley in this process for tests: real database, real ports, everything else as in production. */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { type App, type AppOptions, startApp } from "#app/app.ts";
import { readConfig } from "#config/config.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";

export interface TestParley {
  readonly app: App;
  readonly url: string;
  readonly grpcUrl: string;
  readonly wsUrl: string;
  readonly databaseUrl: string;
  /** What it was configured with; start another pod with the same. */
  readonly environment: Record<string, string>;
}

/** Cheap password hashing: tests sign many people up, and its strength is tested elsewhere. */
const cheapHashing = { PARLEY_ARGON2_MEMORY_KIB: "1024", PARLEY_ARGON2_PASSES: "1" };

export async function startParley(
  environment: Record<string, string> = {},
  options: Partial<Pick<AppOptions, "clock" | "bus" | "log" | "signal">> = {},
): Promise<TestParley> {
  const databaseUrl = environment.DATABASE_URL ?? (await createTestDatabase()).url;
  const complete: Record<string, string> = {
    DATABASE_URL: databaseUrl,
    PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
    PARLEY_PORT: "0",
    PARLEY_GRPC_PORT: "0",
    PARLEY_OPS_PORT: "0",
    ...cheapHashing,
    ...environment,
  };
  const log = options.log ?? createLog(process.env.PARLEY_TEST_LOG === "1" ? "debug" : "silent");
  const app = await startApp({ ...options, config: readConfig(complete), log });
  after(() => app.stop());
  return {
    app,
    url: `http://127.0.0.1:${app.httpPort}`,
    grpcUrl: `http://127.0.0.1:${app.grpcPort}`,
    wsUrl: `ws://127.0.0.1:${app.httpPort}/v2/ws`,
    databaseUrl,
    environment: complete,
  };
}
