/** The manifests, by the schemas of Kubernetes, and what no schema checks. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Manifest, manifests, readYaml } from "./files.ts";
import { run, programsTimeoutMs as timeout } from "./run.ts";
import { deploy, findKubernetesSchemas, findTool, without } from "./tools.ts";

const skip = without("kubeconform") || (findKubernetesSchemas() ? false : "no schemas of Kubernetes");
/** Older ones are past their support wherever Kubernetes is sold. */
const oldest = 30;

test("every supported version of Kubernetes knows all that the manifests say", {
  skip,
  timeout,
}, async () => {
  const schemas = findKubernetesSchemas()!;
  const versions = readdirSync(schemas).filter((name) => Number(name.split(".")[1]) >= oldest);
  assert.ok(versions.length > 0);
  const [{ resources }] = readYaml("kubernetes/kustomization.yaml");
  const files = [...resources, "secret.example.yaml"].map((file) => join(deploy, "kubernetes", file));
  for (const version of versions) {
    const location = join(schemas, version, "{{.ResourceKind}}{{.KindSuffix}}.json");
    const { code, output } = await run(findTool("kubeconform")!, [
      "-strict",
      "-schema-location",
      location,
      ...files,
    ]);
    assert.equal(code, 0, `${version}: ${output}`);
  }
});

const all = manifests();
const ofKind = (kind: string) => all.filter((manifest) => manifest.kind === kind);
const deployments = ofKind("Deployment");
const labelsOf = (deployment: Manifest) => deployment.spec.template.metadata.labels;
/** The components that a policy names. */
const valuesOf = (selector: Manifest): string[] =>
  selector.matchExpressions?.[0].values ?? [selector.matchLabels["app.kubernetes.io/component"]];
const selects = (selector: Manifest, labels: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

test("every deployment has a service, an autoscaler and a disruption budget that select it", () => {
  assert.deepEqual(deployments.map(({ metadata }) => metadata.name).sort(), [
    "blobs",
    "dispatch",
    "gateway",
    "identity",
    "messenger",
    "search",
  ]);
  for (const deployment of deployments) {
    const { name } = deployment.metadata;
    const labels = labelsOf(deployment);
    assert.ok(selects(deployment.spec.selector.matchLabels, labels), name);
    const find = (kind: string) => ofKind(kind).find((manifest) => manifest.metadata.name === name);
    assert.ok(selects(find("Service").spec.selector, labels), name);
    assert.ok(selects(find("PodDisruptionBudget").spec.selector.matchLabels, labels), name);
    assert.equal(find("HorizontalPodAutoscaler").spec.scaleTargetRef.name, name);
    assert.ok(find("HorizontalPodAutoscaler").spec.minReplicas >= 2, "a rolling restart leaves somebody");
    const ports = deployment.spec.template.spec.containers[0].ports.map((port: Manifest) => port.name);
    for (const port of find("Service").spec.ports) assert.ok(ports.includes(port.targetPort), port.name);
    assert.deepEqual(deployment.spec.strategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
  }
  for (const name of ["identity", "messenger", "dispatch", "search", "blobs"]) {
    const service = ofKind("Service").find((manifest) => manifest.metadata.name === name);
    assert.equal(service.spec.clusterIP, "None", "the gateways spread their calls over the pods");
  }
});

test("pods meet the restricted standard and get no variables of services", () => {
  for (const { spec } of deployments) {
    const pod = spec.template.spec;
    const [container] = pod.containers;
    assert.equal(pod.enableServiceLinks, false, "PARLEY_…_SERVICE_HOST would stop the start");
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
    assert.equal(pod.automountServiceAccountToken, false);
    assert.equal(container.securityContext.allowPrivilegeEscalation, false);
    assert.equal(container.securityContext.readOnlyRootFilesystem, true);
    assert.deepEqual(container.securityContext.capabilities.drop, ["ALL"]);
    assert.ok(pod.terminationGracePeriodSeconds >= 30);
    assert.ok(container.resources.limits.memory);
    assert.equal(container.livenessProbe.httpGet.path, "/livez");
    assert.equal(container.startupProbe.httpGet.path, "/livez");
    assert.equal(container.readinessProbe.httpGet.path, "/readyz");
  }
});

test("the secrets that the pods name are in the example, and only who needs one gets it", () => {
  const [{ stringData }] = readYaml("kubernetes/secret.example.yaml");
  for (const { metadata, spec } of deployments) {
    const keys = spec.template.spec.containers[0].env.flatMap(({ valueFrom }: Manifest) =>
      valueFrom ? [valueFrom.secretKeyRef.key] : [],
    );
    for (const key of keys) assert.ok(key in stringData, key);
    assert.equal(keys.includes("PARLEY_SECRET_KEY"), metadata.name === "identity");
    assert.equal(keys.includes("DATABASE_URL"), metadata.name !== "gateway");
    assert.equal(keys.includes("AMQP_URL"), ["messenger", "search"].includes(metadata.name), metadata.name);
  }
});

const secretsOf = (deployment: Manifest) =>
  deployment.spec.template.spec.containers[0].envFrom.flatMap(({ secretRef }: Manifest) => secretRef ?? []);

test("blobs know their store, and nobody else gets what opens it", () => {
  const [, , opens] = readYaml("kubernetes/secret.example.yaml");
  assert.deepEqual(Object.keys(opens.stringData), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
  for (const deployment of deployments) {
    const isBlobs = deployment.metadata.name === "blobs";
    const names = secretsOf(deployment).map(({ name }: Manifest) => name);
    assert.equal(names.includes(opens.metadata.name), isBlobs, deployment.metadata.name);
    // A role of the cloud will do as well.
    if (isBlobs) assert.deepEqual(secretsOf(deployment), [{ name: opens.metadata.name, optional: true }]);
  }
  const { data } = ofKind("ConfigMap").find(({ metadata }) => metadata.name === "parley");
  assert.match(data.PARLEY_BLOB_STORE, /^s3:/, "a pod has no disk that lasts");
});

test("the ingress buffers no bodies, bounds none, and repeats no put of a blob", () => {
  const settingsOf = (name: string) => {
    const { annotations } = ofKind("Ingress").find(({ metadata }) => metadata.name === name).metadata;
    return (key: string) => annotations[`nginx.ingress.kubernetes.io/${key}`];
  };
  for (const name of ["parley-http", "parley-blobs"]) {
    const setting = settingsOf(name);
    assert.equal(setting("proxy-body-size"), "0", name);
    assert.equal(setting("proxy-buffering"), "off", name);
    assert.equal(setting("proxy-request-buffering"), "off", name);
  }
  assert.equal(settingsOf("parley-blobs")("proxy-next-upstream"), "off");
  const hosts = ["parley-http", "parley-blobs"].map((name) => {
    const { spec } = ofKind("Ingress").find(({ metadata }) => metadata.name === name);
    return [spec.tls, spec.rules.map(({ host }: Manifest) => host)];
  });
  assert.deepEqual(hosts[0], hosts[1]);
});

test("dispatch reads its providers and their keys, and nobody else gets those", () => {
  const [providers] = ofKind("ConfigMap").filter(({ metadata }) => metadata.name === "parley-providers");
  const file = JSON.parse(providers.data["providers.json"]);
  const [, keys] = readYaml("kubernetes/secret.example.yaml");
  const named = [...providers.data["providers.json"].matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  assert.deepEqual(named, Object.keys(keys.stringData));
  assert.ok(file.providers.length > 1);
  for (const deployment of deployments) {
    const { metadata, spec } = deployment;
    const [container] = spec.template.spec.containers;
    const names = secretsOf(deployment).map(({ name }: Manifest) => name);
    assert.equal(names.includes(keys.metadata.name), metadata.name === "dispatch", metadata.name);
    if (metadata.name !== "dispatch") continue;
    const { value } = container.env.find(({ name }: Manifest) => name === "PARLEY_PROVIDERS");
    const mount = container.volumeMounts.find(({ name }: Manifest) => name === "providers");
    assert.equal(value, `${mount.mountPath}/providers.json`);
  }
});

test("only dispatch and blobs may leave the cluster's networks, by HTTPS, and not for private addresses", () => {
  const leaving = ofKind("NetworkPolicy").filter(({ spec }) =>
    (spec.egress ?? []).some(({ to }: Manifest) =>
      to.some(({ ipBlock }: Manifest) => ipBlock && /\/0$/.test(ipBlock.cidr)),
    ),
  );
  assert.deepEqual(
    leaving.map(({ spec }) => [valuesOf(spec.podSelector), spec.egress.length, spec.egress[0].ports]),
    [[["dispatch", "blobs"], 1, [{ protocol: "TCP", port: 443 }]]],
  );
  for (const { ipBlock } of leaving[0].spec.egress[0].to) assert.ok(ipBlock.except.length > 2, ipBlock.cidr);
  const excepted = leaving[0].spec.egress[0].to[0].ipBlock.except;
  for (const range of ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]) {
    assert.ok(excepted.includes(range), range);
  }
});

test("pods may call the services that they need, and only search and messenger may reach RabbitMQ", () => {
  const [{ data }] = ofKind("ConfigMap").filter(({ metadata }) => metadata.name === "parley");
  const called = (component: string) =>
    ofKind("NetworkPolicy")
      .filter(({ spec }) => spec.podSelector.matchLabels?.["app.kubernetes.io/component"] === component)
      .flatMap(({ spec }) => spec.egress ?? [])
      .flatMap(({ to }: Manifest) => to)
      .flatMap(({ podSelector }: Manifest) => (podSelector ? valuesOf(podSelector) : []));
  assert.deepEqual(called("gateway"), ["identity", "messenger", "dispatch", "search", "blobs"]);
  assert.deepEqual(called("messenger"), ["dispatch", "blobs"]);
  assert.deepEqual(called("blobs"), ["blobs"], "for what write-back keeps at another pod");
  assert.deepEqual(called("search"), ["identity", "messenger"]);
  for (const name of called("gateway")) {
    assert.equal(data[`PARLEY_${name.toUpperCase()}_URL`], `http://${name}:9091`);
  }
  const toRabbit = ofKind("NetworkPolicy").filter(({ spec }) =>
    (spec.egress ?? []).some(({ ports = [] }: Manifest) => ports.some(({ port }: Manifest) => port === 5672)),
  );
  assert.deepEqual(
    toRabbit.map(({ spec }) => valuesOf(spec.podSelector)),
    [["messenger", "search"]],
  );
  for (const user of ["messenger", "search"]) {
    const { spec } = deployments.find(({ metadata }) => metadata.name === user);
    const amqp = spec.template.spec.containers[0].env.find(({ name }: Manifest) => name === "AMQP_URL");
    assert.equal(amqp.valueFrom.secretKeyRef.optional, true, `${user} works without RabbitMQ`);
  }
});

test("traffic is denied by default, and every policy's pods exist", () => {
  const policies = ofKind("NetworkPolicy");
  const deny = policies.find((policy) => policy.metadata.name === "default-deny");
  assert.deepEqual(deny.spec, { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  for (const { metadata, spec } of policies) {
    const { matchLabels = {}, matchExpressions = [] } = spec.podSelector;
    const chosen = deployments.filter((deployment) => {
      const labels = labelsOf(deployment);
      return (
        selects(matchLabels, labels) &&
        matchExpressions.every(({ key, values }: Manifest) => values.includes(labels[key]))
      );
    });
    assert.ok(chosen.length > 0, metadata.name);
  }
});
