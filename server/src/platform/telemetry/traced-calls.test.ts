import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { MessengerService } from "@parley/api/v2/messenger";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import type { Service } from "#platform/service.ts";
import { readSettings } from "#platform/settings.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { traceService } from "#platform/telemetry/traced-service.ts";
import { traceTransport } from "#platform/telemetry/traced-transport.ts";
import { startTelemetry } from "#platform/telemetry.ts";
import { startCollector } from "#test/collector.ts";
import { newTraceparent, wayTo } from "#test/trace-reading.ts";

const collector = await startCollector();
const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: "here" };
const config = readSettings(telemetrySettings, environment, []);
const telemetry = startTelemetry({ config, version: "1.2.3", log: createLog("silent") });
after(() => telemetry.stop());

/** Fails as the chat's name says. */
const failing: Service = {
  name: "messenger",
  routes: (router) =>
    void router.service(MessengerService, {
      getChat({ chatId }) {
        if (chatId === "missing") throw fault("chat-not-found");
        if (chatId === "broken") throw new Error("a secret");
        return {};
      },
    }),
  start: async () => {},
  stop: async () => {},
};
const { routes } = traceService(failing, telemetry);
const client = createClient(
  MessengerService,
  traceTransport(createDirectTransport(routes), telemetry, "messenger"),
);
const getChat = "parley.v2.MessengerService/GetChat";

async function call(chatId: string, traceparent: string): Promise<string> {
  return client.getChat({ chatId }, { headers: { traceparent } }).then(
    () => "ok",
    (error) => toPublicError(error).code,
  );
}

test("each end of a call is a span and a measurement, and says by its code how the call ended", async () => {
  const outcomes = { there: "ok", missing: "chat-not-found", broken: "internal" };
  for (const [chatId, code] of Object.entries(outcomes))
    assert.equal(await call(chatId, newTraceparent()), code);
  await collector.until((spans) => spans.length === 6, "both spans of three calls");
  const ends = collector.spans.map((span) => [
    wayTo(collector.spans, span).join(" > "),
    span.attributes["error.type"] ?? "ok",
    span.isError,
  ]);
  const atClient = `${getChat} (client, here)`;
  const atServer = `${atClient} > ${getChat} (server, here)`;
  assert.deepEqual(ends, [
    [atServer, "ok", false],
    [atClient, "ok", false],
    [atServer, "chat-not-found", false],
    [atClient, "chat-not-found", false],
    [atServer, "internal", true],
    [atClient, "internal", true],
  ]);
  assert.ok(!collector.everything.includes("a secret"));
  const metrics = await telemetry.scrape();
  for (const side of ["client", "server"]) {
    const counts = metrics
      .split("\n")
      .filter((line) => line.startsWith(`rpc_${side}_call_duration_seconds_count`));
    for (const code of ["chat-not-found", "internal"])
      assert.equal(
        counts.filter((line) => line.includes(`error_type="${code}"`) && line.endsWith(" 1")).length,
        1,
      );
    assert.equal(counts.length, 3);
  }
});

test("a call whose trace is not recorded is measured, and no span", async () => {
  const before = collector.spans.length;
  assert.equal(await call("there", newTraceparent("00")), "ok");
  const metrics = await telemetry.scrape();
  assert.match(metrics, /rpc_client_call_duration_seconds_count\{[^}]*status_code="OK"[^}]*\} 2\n/);
  await telemetry.stop();
  assert.equal(collector.spans.length, before);
});
