/** A dispatch of a test's own, as a process that other roles call: what it does is up to the test. */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { ProcessService } from "@parley/api/v2/process";
import { createLog } from "#platform/log.ts";
import { startServiceServer } from "#platform/wire/service-server.ts";
import { createTestDatabase } from "#test/database.ts";
import { createFakeDispatch, type FakeDispatch } from "#test/fake-dispatch.ts";
import { startRedis } from "#test/redis-server.ts";

export interface FakeDispatchServer {
  fake: FakeDispatch;
  /** Of a Parley with all other roles, which calls it. */
  environment: Record<string, string>;
}

/** To be called at the top level of a test file: it ends with the file. Needs a Redis. */
export async function startFakeDispatchServer(): Promise<FakeDispatchServer> {
  const fake = createFakeDispatch();
  const serviceToken = randomBytes(32).toString("base64");
  const server = await startServiceServer({
    services: [
      {
        name: "dispatch",
        routes(router) {
          router.service(ProcessService, { listProcessors: () => fake.process.listProcessors({}) });
          router.service(DispatchInternalService, {
            processMessage: (request, { signal }) => fake.dispatch.processMessage(request, { signal }),
          });
        },
        start: async () => {},
        stop: async () => {},
      },
    ],
    host: "127.0.0.1",
    port: 0,
    serviceTokens: [serviceToken],
    clock: { now: Date.now },
    log: createLog("silent"),
  });
  after(() => server.stop(0));
  return {
    fake,
    environment: {
      PARLEY_ROLES: "gateway,identity,messenger,search,blobs",
      PARLEY_SERVICE_TOKEN: serviceToken,
      PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
      PARLEY_DISPATCH_URL: `http://127.0.0.1:${server.port}`,
      PARLEY_SERVICE_PORT: "0",
      PARLEY_ARGON2_MEMORY_KIB: "1024",
      PARLEY_ARGON2_PASSES: "1",
      DATABASE_URL: (await createTestDatabase()).url,
      REDIS_URL: (await startRedis()).url,
    },
  };
}
