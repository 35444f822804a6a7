/** Prometheus' configuration and rules by promtool, the dashboard by its form. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Manifest, readText, readYaml } from "./files.ts";
import { run } from "./run.ts";
import { deploy, findTool, without } from "./tools.ts";

const skip = without("promtool");
const cwd = join(deploy, "prometheus");
const [compose] = readYaml("compose.yaml");

test("promtool accepts the configuration", { skip }, async () => {
  const { code, output } = await run(findTool("promtool")!, ["check", "config", "prometheus.yaml"], { cwd });
  assert.equal(code, 0, output);
});

test("each alert rings when it should and is silent when not", { skip }, async () => {
  const { code, output } = await run(findTool("promtool")!, ["test", "rules", "alerts.test.yaml"], { cwd });
  assert.equal(code, 0, output);
  const [{ groups }] = readYaml("prometheus/alerts.yaml");
  const tested = readText("prometheus/alerts.test.yaml");
  for (const { alert, annotations } of groups.flatMap((group: Manifest) => group.rules)) {
    assert.ok(tested.includes(`alertname: ${alert}`), `${alert} has a test`);
    assert.ok(annotations.summary, alert);
  }
});

const dashboard = JSON.parse(readText("grafana/parley-dashboard.json"));
const panels = dashboard.panels as Manifest[];

test("the dashboard's panels are whole: unique, in their places, with queries to the chosen source", () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  for (const { title, type, gridPos, targets = [] } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    if (type === "row") continue;
    assert.ok(targets.length > 0, title);
    for (const { datasource, expr, legendFormat } of targets) {
      assert.match(datasource.uid, /^\$\{datasource\}$/, title);
      assert.ok(expr && legendFormat, title);
    }
  }
  const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
  assert.equal(new Set(places).size, places.length, "no panel lies on another");
});

test("promtool can read every query of the dashboard", { skip }, async (t) => {
  const rules = panels.flatMap(({ id, targets = [] }) =>
    targets.map(({ refId, expr }: Manifest) => ({
      record: `panel_${id}_${refId}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    })),
  );
  const folder = mkdtempSync(join(tmpdir(), "parley-dashboard-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "rules.yaml");
  writeFileSync(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  const { code, output } = await run(findTool("promtool")!, ["check", "rules", path]);
  assert.equal(code, 0, output);
});

test("what Grafana and Prometheus are pointed at is in compose.yaml", () => {
  const [{ datasources }] = readYaml("grafana/provisioning/datasources/parley.yaml");
  for (const { url } of datasources) assert.ok(new URL(url).hostname in compose.services, url);
  const [{ scrape_configs }] = readYaml("prometheus/prometheus.yaml");
  for (const name of scrape_configs[0].dns_sd_configs[0].names) {
    assert.ok(compose.services[name].networks.includes("telemetry"), name);
  }
  const [{ providers }] = readYaml("grafana/provisioning/dashboards/parley.yaml");
  const mounts = compose.services.grafana.volumes as string[];
  assert.ok(mounts.some((mount) => mount.includes(`:${providers[0].options.path}/`)));
});

test("traces find their way: Parley to the collector, the collector to Tempo, Tempo to Grafana", () => {
  const [collector] = readYaml("otel-collector/config.yaml");
  const { traces } = collector.service.pipelines;
  for (const kind of ["receivers", "processors", "exporters"]) {
    for (const name of traces[kind]) assert.ok(name in collector[kind], name);
  }
  const [tempo] = readYaml("tempo/tempo.yaml");
  assert.equal(collector.exporters["otlp/tempo"].endpoint, "tempo:4317");
  assert.equal(tempo.distributor.receivers.otlp.protocols.grpc.endpoint, "0.0.0.0:4317");
  const endpoint = new URL(compose.services.gateway.environment.OTEL_EXPORTER_OTLP_ENDPOINT);
  assert.equal(endpoint.port, collector.receivers.otlp.protocols.http.endpoint.split(":")[1]);
  assert.ok(endpoint.hostname in compose.services && existsSync(join(deploy, "tempo")));
});
