import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { startTelemetry } from "#platform/telemetry.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";

test("puts, reads and bytes are counted, and nobody's name or key is told", async () => {
  const { database } = await createTestDatabase();
  const config = readSettings(telemetrySettings, {}, []);
  const telemetry = startTelemetry({ config, version: "0", log: createLog("silent") });
  const pod = await startBlobPod({ database, store: await temporaryFileStore(), telemetry });
  const user = blobUser(pod);
  await user.put("secret-key", "12345");
  for (let nth = 0; nth < 2; nth++) await user.get("secret-key");
  assert.equal(
    await codeOf(user.put("secret-key", "1", { condition: { absent: true } })),
    "precondition-failed",
  );
  await user.delete("secret-key");
  const told = await telemetry.scrape();
  await telemetry.stop();
  const has = (line: RegExp) => assert.match(told, line);
  has(/parley_blobs_put_duration_seconds_count(\{otel[^}]*\})? 1\n/);
  has(/parley_blobs_put_duration_seconds_count\{[^}]*error_type="precondition-failed"[^}]*\} 1\n/);
  has(/parley_blobs_read_duration_seconds_count(\{otel[^}]*\})? 2\n/);
  has(/parley_blobs_io_bytes_total\{[^}]*receive[^}]*\} 5\n/);
  has(/parley_blobs_io_bytes_total\{[^}]*transmit[^}]*\} 10\n/);
  has(/parley_blobs_cache_reads_total\{[^}]*parley_cache_hit="true"[^}]*\} 1\n/);
  has(/parley_blobs_deletes_total\{[^}]*deleted[^}]*\} 1\n/);
  has(/parley_blobs_transfers(\{[^}]*\})? 0\n/);
  assert.ok(!told.includes("secret-key") && !told.includes(user.userId));
});
