/** Each service as a pod of its own in the test's process, and as many gateways before them as a test wants. */
import { randomBytes } from "node:crypto";
import type { App } from "#app/app.ts";
import { createTestDatabase } from "#test/database.ts";
import { ampleLimits, cheapHashing, startPod, type TestOptions } from "#test/parley.ts";
import { startRedis } from "#test/redis-server.ts";
import { type ServicesApart, startServicesApart } from "#test/services-apart.ts";

export interface RolesApart {
  readonly serviceToken: string;
  readonly urls: ServicesApart["urls"];
  /** The settings given go before those that lead to the services. */
  startGateway(settings?: Record<string, string>, options?: TestOptions): Promise<Gateway>;
}

export interface Gateway {
  readonly app: App;
  readonly url: string;
  readonly wsUrl: string;
}

const secret = () => randomBytes(32).toString("base64");

/** To be called at the top level of a test file: it ends with the file. */
export async function startRolesApart(
  settings: Record<string, string> = {},
  optionsOf: (role: string) => TestOptions = () => ({}),
): Promise<RolesApart> {
  const { url: DATABASE_URL } = await createTestDatabase();
  const serviceToken = secret();
  const shared = {
    REDIS_URL: (await startRedis()).url,
    PARLEY_SERVICE_TOKEN: serviceToken,
    ...cheapHashing,
    ...ampleLimits,
    ...settings,
  };
  const { urls } = await startServicesApart((role, ownUrls) => {
    const key = role === "identity" ? { PARLEY_SECRET_KEY: secret() } : {};
    return startPod({ ...shared, ...ownUrls, ...key, DATABASE_URL, PARLEY_ROLES: role }, optionsOf(role));
  });
  return {
    serviceToken,
    urls,
    async startGateway(own = {}, options = optionsOf("gateway")) {
      const app = await startPod({ ...shared, ...urls, PARLEY_ROLES: "gateway", ...own }, options);
      return {
        app,
        url: `http://127.0.0.1:${app.httpPort}`,
        wsUrl: `ws://127.0.0.1:${app.httpPort}/v2/ws`,
      };
    },
  };
}
