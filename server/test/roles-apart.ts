/** Each service as a pod of its own in the test's process, and as many gateways before them as a test wants. */
import { randomBytes } from "node:crypto";
import type { App } from "#app/app.ts";
import { createTestDatabase } from "#test/database.ts";
import { manyPeople, startPod, type TestOptions } from "#test/parley.ts";
import { startRedis } from "#test/redis-server.ts";

export interface RolesApart {
  readonly serviceToken: string;
  readonly identityUrl: string;
  readonly messengerUrl: string;
  readonly dispatchUrl: string;
  readonly searchUrl: string;
  readonly blobsUrl: string;
  /** The settings given go before those that lead to the services. */
  startGateway(settings?: Record<string, string>, options?: TestOptions): Promise<Gateway>;
}

export interface Gateway {
  readonly app: App;
  readonly url: string;
  readonly wsUrl: string;
}

const secret = () => randomBytes(32).toString("base64");
const cheapHashing = { PARLEY_ARGON2_MEMORY_KIB: "1024", PARLEY_ARGON2_PASSES: "1" };

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
    ...manyPeople,
    ...settings,
  };
  const stored = { ...shared, DATABASE_URL };
  const identity = await startPod(
    { ...stored, PARLEY_ROLES: "identity", PARLEY_SECRET_KEY: secret() },
    optionsOf("identity"),
  );
  const urlOf = (pod: App) => `http://127.0.0.1:${pod.servicePort}`;
  const dispatch = await startPod({ ...stored, PARLEY_ROLES: "dispatch" }, optionsOf("dispatch"));
  const blobs = await startPod({ ...stored, PARLEY_ROLES: "blobs" }, optionsOf("blobs"));
  const toOthers = { PARLEY_DISPATCH_URL: urlOf(dispatch), PARLEY_BLOBS_URL: urlOf(blobs) };
  const messenger = await startPod(
    { ...stored, ...toOthers, PARLEY_ROLES: "messenger" },
    optionsOf("messenger"),
  );
  const toSearched = { PARLEY_IDENTITY_URL: urlOf(identity), PARLEY_MESSENGER_URL: urlOf(messenger) };
  const search = await startPod({ ...stored, ...toSearched, PARLEY_ROLES: "search" }, optionsOf("search"));
  return {
    serviceToken,
    identityUrl: urlOf(identity),
    messengerUrl: urlOf(messenger),
    dispatchUrl: urlOf(dispatch),
    searchUrl: urlOf(search),
    blobsUrl: urlOf(blobs),
    async startGateway(own = {}, options = optionsOf("gateway")) {
      const services = { ...toSearched, ...toOthers, PARLEY_SEARCH_URL: urlOf(search) };
      const app = await startPod({ ...shared, ...services, PARLEY_ROLES: "gateway", ...own }, options);
      return {
        app,
        url: `http://127.0.0.1:${app.httpPort}`,
        wsUrl: `ws://127.0.0.1:${app.httpPort}/v2/ws`,
      };
    },
  };
}
