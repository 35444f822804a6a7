/** The dashboard and the alerts ask for what there is: a name that was mistyped would show as a quiet day. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { before, describe, test } from "node:test";
import { parse } from "yaml";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { startParley } from "#test/parley.ts";
import { newPerson, signIn } from "#test/people.ts";
import { parsePrometheus, type Sample } from "#test/prometheus.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

interface Query {
  where: string;
  expression: string;
}

const deploy = new URL("../../deploy/", import.meta.url);
/** What Prometheus adds to each sample, see deploy/prometheus/prometheus.yaml. */
const addedLabels = ["instance", "job", "role", "le"];
/** Made by Prometheus itself. */
const foreignMetrics = ["up"];

/** Metrics that are there only once something has gone wrong, or that nothing here brings about; and their labels. */
const seldom = new Map([
  ["parley_dispatch_refusals_total", ["provider"]],
  ["parley_dispatch_permits_returned_total", ["provider"]],
  ["parley_dispatch_permits_expired_total", ["provider"]],
  ["parley_dispatch_spend_limit", []],
  ["parley_blobs_swept_total", ["parley_kind"]],
  ["parley_blobs_sweeps_total", ["error_type"]],
  ["parley_blobs_read_duration_seconds_count", ["error_type"]],
  // After the first sweep, a minute after the start.
  ["parley_blobs_garbage", []],
  ["parley_blobs_orphans_age_seconds", []],
  // With write-back only.
  ["parley_blobs_spool_size_bytes", []],
  ["parley_blobs_spool_oldest_age_seconds", []],
  ["parley_blobs_spool_uploads_total", ["outcome"]],
]);

async function readQueries(): Promise<Query[]> {
  const alerts = parse(await readFile(new URL("prometheus/alerts.yaml", deploy), "utf8"));
  const dashboard = JSON.parse(await readFile(new URL("grafana/parley-dashboard.json", deploy), "utf8"));
  const ofAlerts = alerts.groups.flatMap(({ rules }: { rules: { alert: string; expr: string }[] }) =>
    rules.map(({ alert, expr }) => ({ where: alert, expression: expr })),
  );
  const ofPanels = dashboard.panels.flatMap((panel: { title: string; targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => ({ where: panel.title, expression: expr })),
  );
  return [...ofAlerts, ...ofPanels];
}

/** The metrics that a query names, and the labels that it goes by. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const labels: string[] = [];
  const note = (text: string) => labels.push(...text.split(",").map((one) => one.trim()));
  const rest = expression
    .replace(/\b(?:by|without|on) \(([^)]*)\)/g, (_, list: string) => {
      note(list);
      return "";
    })
    .replace(/\{([^}]*)\}/g, (_, matchers: string) => {
      for (const [, name] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) note(name!);
      return "";
    });
  const metrics = rest.match(/\b[a-z]+_[a-z0-9_]+\b(?!\s*\()/g) ?? [];
  return {
    metrics: metrics.filter((name) => !foreignMetrics.includes(name)),
    labels: labels.filter(Boolean),
  };
}

describe("dashboard and alerts", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const queries = await readQueries();
  const redis = await startRedis();
  const line = await startDatabaseLine((await createTestDatabase()).url);
  const parley = await startParley({
    DATABASE_URL: line.url,
    REDIS_URL: redis.url,
    PARLEY_CIRCUIT_MIN_CALLS: "2",
  });
  const has = async (metric: string) => (await scrape()).some(({ name }) => name === metric);
  const scrape = async (): Promise<Sample[]> => {
    const texts = parley.opsUrls.map(async (url) => (await fetch(`${url}/metrics`)).text());
    return (await Promise.all(texts)).flatMap((text) => parsePrometheus(text).samples);
  };

  before(async () => {
    const alice = await newPerson(parley.url, "Alice");
    const { id: chatId = "" } = await alice.client.createChat({ kind: "group", title: "T", memberIds: [] });
    const { token } = await signIn(parley.url, alice.email);
    const headers = { authorization: `Bearer ${token}` };
    const read = (etag?: string) =>
      fetch(`${parley.url}/v2/users/me`, {
        headers: etag ? { ...headers, "if-none-match": etag } : headers,
      });
    const socket = await SocketClient.open(parley.wsUrl, token);
    await socket.resume();
    await socket.call("MessengerService/SendMessage", { chatId, clientId: randomUUID(), text: "x" });
    await until("a request is answered with 304", async () => {
      const etag = (await read()).headers.get("etag");
      return (await read(etag ?? "none")).status === 304;
    });
    await fetch(`${parley.url}/ping`);
    await (await fetch(`${parley.url}/v2/search?q=hello`, { headers })).body?.cancel();
    const task = { method: "POST", headers: { ...headers, "content-type": "application/json" } };
    await (
      await fetch(`${parley.url}/v2/search-tasks`, { ...task, body: '{"query":"hello"}' })
    ).body?.cancel();
    await until("a search task has ended", () => has("parley_jobs_attempt_duration_seconds_count"));
    // The second is refused.
    for (const method of ["PUT", "PUT", "GET", "DELETE"]) await callBlob(method, headers);
    // More than the free provider takes, also when the minute ends meanwhile.
    for (let i = 0; i < 41; i++) await processText(headers);
    for (let i = 0; i < 10; i++) socket.send("no call");
    await socket.untilClosed();
    await redis.kill();
    await until("a command of Redis fails", () => has("parley_redis_command_failures_total"));
    line.cut();
    await until("a circuit opens", async () => {
      await fetch(`${parley.url}/v2/chats/${chatId}/messages`, { headers });
      return has("parley_circuit_transitions_total");
    });
  });

  const callBlob = async (method: string, own: Record<string, string>) => {
    const body = method === "PUT" ? { body: "bytes" } : {};
    const headers = method === "PUT" ? { ...own, "if-none-match": "*" } : own;
    await (await fetch(`${parley.url}/v2/blobs/file`, { method, headers, ...body })).body?.cancel();
  };

  const processText = async (headers: Record<string, string>) => {
    const init = { method: "POST", headers: { ...headers, "content-type": "application/json" } };
    await (await fetch(`${parley.url}/v2/process`, { ...init, body: '{"text":"x"}' })).body?.cancel();
  };

  test("each metric and label that they name exists", async () => {
    const samples = await scrape();
    const labelsOf = Map.groupBy(samples, ({ name }) => name);
    assert.ok(queries.length > 30, "the files were read");
    for (const { where, expression } of queries) {
      const { metrics, labels } = namesIn(expression);
      const known = new Set(addedLabels);
      for (const metric of metrics) {
        for (const label of seldom.get(metric) ?? []) known.add(label);
        if (seldom.has(metric)) continue;
        const found = labelsOf.get(metric);
        assert.ok(found, `${where}: there is no ${metric}`);
        for (const { labels: own } of found) for (const name of Object.keys(own)) known.add(name);
      }
      for (const label of labels) assert.ok(known.has(label), `${where}: ${metrics} has no ${label}`);
    }
  });
});
