import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createNoopMeter } from "@opentelemetry/api";
import { checkAtStart, openStore } from "#blobs/stores/open-store.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { type AzureServer, startAzureServer, withoutAzure } from "#test/azure-server.ts";
import { type S3Server, s3Credentials, startS3Server, withoutS3 } from "#test/s3-server.ts";

const s3 = withoutS3 ? (undefined as unknown as S3Server) : await startS3Server();
const azure = withoutAzure ? (undefined as unknown as AzureServer) : await startAzureServer();
Object.assign(process.env, s3Credentials, azure?.environment);

const circuits = createCircuits({
  settings: readSettings(circuitSettings, {}, []),
  meter: createNoopMeter(),
  log: createLog("silent"),
});

function open(url: string | undefined, dataDir = "/nonexistent") {
  const config = { PARLEY_BLOB_STORE: url, PARLEY_BLOB_TRANSFERS_MAX: 10 };
  return openStore({ config, dataDir, circuits, telemetry: noTelemetry });
}

async function said(url: string): Promise<string> {
  const output = new PassThrough();
  await checkAtStart(await open(url), createLog("info", output));
  return String(output.read());
}

test("without a setting, blobs are in the data directory", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "parley-test-data-"));
  const store = await open(undefined, dataDir);
  assert.equal(store.description, join(dataDir, "blobs"));
  await store.check();
  await rm(dataDir, { recursive: true });
});

test("says where blobs are kept", { skip: withoutS3 }, async () => {
  const url = `s3://${s3.bucket}/a?endpoint=${s3.endpoint}&region=us-east-1&pathStyle=true`;
  assert.match(await said(url), new RegExp(`"store":"s3://${s3.bucket}/a/".*blobs are kept here`));
});

test("a bucket that there is not stops the start, and so does a wrong key", { skip: withoutS3 }, async () => {
  const url = (bucket: string) => `s3://${bucket}?endpoint=${s3.endpoint}&region=us-east-1&pathStyle=true`;
  await assert.rejects(said(url("no-such-bucket")), /no such bucket: make it, or correct PARLEY_BLOB_STORE/);
  process.env.AWS_SECRET_ACCESS_KEY = "wrong";
  await assert.rejects(said(url(s3.bucket)), /correct AWS_SECRET_ACCESS_KEY/);
  Object.assign(process.env, s3Credentials);
});

test("a container that there is not stops the start", { skip: withoutAzure }, async () => {
  assert.match(await said(`azblob://${azure.container}`), /blobs are kept here/);
  await assert.rejects(
    said("azblob://no-such-container"),
    /no such container: make it, or correct PARLEY_BLOB_STORE/,
  );
});

test("without credentials for Azure nothing is opened", async (t) => {
  const kept = process.env.AZURE_STORAGE_CONNECTION_STRING;
  t.after(() => void (kept && Object.assign(process.env, { AZURE_STORAGE_CONNECTION_STRING: kept })));
  delete process.env.AZURE_STORAGE_CONNECTION_STRING;
  await assert.rejects(open("azblob://container"), /needs AZURE_STORAGE_CONNECTION_STRING/);
});

test("a store that is merely away does not stop the start", async () => {
  const nobody = "http://127.0.0.1:9";
  const url = `s3://bucket?endpoint=${nobody}&region=us-east-1&pathStyle=true`;
  assert.match(await said(url), /the object store is away/);
});
