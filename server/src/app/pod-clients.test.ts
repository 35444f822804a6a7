import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { createPodClients } from "#app/pod-clients.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { readConfig } from "#config/config.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { createSharedClock } from "#platform/shared-clock.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { startServiceServer } from "#platform/wire/service-server.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore, temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { freePort } from "../../../scripts/pods/free-port.ts";

const { database } = await createTestDatabase();
const log = createLog("silent");
const clock = createSharedClock(log);
const serviceToken = randomBytes(32).toString("base64");

/** A store that takes and gives nothing. */
async function storeThatIsAway(): Promise<ObjectStore> {
  const away = async () => {
    throw fault("blob-store-unavailable");
  };
  return { ...(await temporaryFileStore()), write: away, read: away, sizeOf: away };
}

function podClients(token: string) {
  const config = readConfig({ PARLEY_SERVICE_TOKEN: token });
  const circuits = createCircuits({ settings: config.circuits, meter: noTelemetry.meter, log });
  const clients = createPodClients({ config, circuits, clock, telemetry: noTelemetry, log });
  after(() => clients.stop());
  return clients;
}

const store = await storeThatIsAway();
const port = await freePort();
const one = await startBlobPod({
  database,
  store,
  dataDir: await temporaryFolder(),
  config: { PARLEY_BLOB_WRITE_BACK: ["*"], PARLEY_BLOB_SPOOL_URL: `http://127.0.0.1:${port}` },
});
const serve = () =>
  startServiceServer({
    services: [one.service],
    host: "127.0.0.1",
    port,
    serviceTokens: [serviceToken],
    clock,
    log,
  });
const text = "x".repeat(3_000_000);

test("a pod reads over the wire what is on another's disk, and says so when it cannot", async () => {
  const server = await serve();
  const two = await startBlobPod({ database, store, toPod: podClients(serviceToken).to });
  const stranger = await startBlobPod({
    database,
    store,
    toPod: podClients(randomBytes(32).toString("base64")).to,
  });
  const user = blobUser(one);
  const { objectId } = (await user.put("a", text, { size: text.length })).blob!;
  const elsewhere = blobUser(two, user.userId);
  assert.equal((await elsewhere.get("a")).bytes.toString(), text);
  assert.equal((await elsewhere.read(objectId, { offset: 2_999_990, length: 10 })).length, 10);
  assert.equal(await codeOf(blobUser(stranger, user.userId).read(objectId)), "blob-store-unavailable");
  await server.stop(1_000);
  assert.equal(await codeOf(elsewhere.read(objectId)), "blob-store-unavailable");
});
