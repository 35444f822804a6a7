/** What jobs tell of themselves: their counts, how attempts end, and the trace that goes on in them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { runInTrace } from "#platform/telemetry/active-trace.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import { startTelemetry } from "#platform/telemetry.ts";
import { type CollectedSpan, startCollector } from "#test/collector.ts";
import { createTestDatabase } from "#test/database.ts";
import { startJobPod, stopJobPodsAtTheEnd } from "#test/job-pods.ts";
import { parsePrometheus } from "#test/prometheus.ts";
import { startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { until } from "#test/until.ts";

stopJobPodsAtTheEnd();
const { database } = await createTestDatabase();
const collector = await startCollector();
const rabbitMqUrl = withoutRabbitMq ? undefined : (await startRabbitMq()).url;

describe("postgres", () => suite("postgres_told", undefined));
describe("rabbitmq", { skip: withoutRabbitMq }, () => suite("rabbitmq_told", rabbitMqUrl));

function suite(service: string, amqpUrl: string | undefined) {
  test("a handler runs in the trace of the call that asked for the job; attempts and the dead are counted", async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: "1" };
    const config = readSettings(telemetrySettings, environment, []);
    const telemetry = startTelemetry({ config, version: "test", log: createLog("silent") });
    const handler = async ({ data }: { data: { name: string } }) => {
      if (data.name === "bad") throw new Error("no");
    };
    const queue = { maxAttempts: 1 };
    const pod = await startJobPod({ service, database, amqpUrl, handler, telemetry, queue });
    const trace = telemetry.tracing.accept(undefined, "asking", {});
    await runInTrace(trace, () => pod.enqueue("good"));
    endSpan(trace.span!, undefined);
    await pod.enqueue("bad");
    const total = async (name: string, labels: Record<string, string>) =>
      parsePrometheus(await telemetry.scrape()).total(name, { parley_queue: "work", ...labels });
    const ended = "parley_jobs_attempt_duration_seconds_count";
    await until("both are counted", async () => {
      const counts = [total(ended, { parley_outcome: "done" }), total(ended, { parley_outcome: "dead" })];
      return (await Promise.all(counts)).every((count) => count === 1);
    });
    await until("the dead one is told", async () => {
      return (await total("parley_jobs_kept", { parley_job_state: "dead" })) === 1;
    });
    await until("none runs", async () => (await total("parley_jobs_running", {})) === 0);
    await telemetry.stop();
    const isOfJob = ({ traceId, name }: CollectedSpan) => traceId === trace.traceId && name === "job work";
    await collector.until((spans) => spans.some(isOfJob), "the job's span");
    assert.equal(collector.spans.find(isOfJob)?.parentSpanId, trace.spanId);
    await pod.jobs.stop(1_000);
  });
}
