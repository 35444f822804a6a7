/** The programs that check what deploy/ holds. A test whose program is missing is skipped, and `npm test` says so loudly. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, isExecutable } from "../../scripts/find-program.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const deploy = join(root, "deploy");

/** Where scripts/install-deploy-tools.sh puts what is no Debian package. */
const ownTools = join(root, "node_modules", ".deploy-tools", "bin");

interface Tool {
  readonly program: string;
  readonly for: string;
}

const tools = {
  nginx: { program: "nginx", for: "deploy/nginx: the proxy in front of the gateways" },
  promtool: { program: "promtool", for: "deploy/prometheus: scrape configuration and alert rules" },
  hadolint: { program: "hadolint", for: "deploy/Dockerfile" },
  compose: { program: "compose-spec", for: "deploy/compose.yaml, by Docker Compose's own loader" },
  kubeconform: { program: "kubeconform", for: "deploy/kubernetes, by the schemas of Kubernetes" },
  ansiblePlaybook: { program: "ansible-playbook", for: "deploy/ansible: syntax, and what it would write" },
  ansibleLint: { program: "ansible-lint", for: "deploy/ansible: lint" },
} satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;

export function findTool(name: ToolName): string | undefined {
  const { program } = tools[name];
  const own = join(ownTools, program);
  return isExecutable(own) ? own : findProgram([program], ["/usr/sbin"]);
}

/** For the `skip` option of a test. */
export const without = (name: ToolName): string | false =>
  findTool(name) ? false : `no ${tools[name].program} on this machine`;

/** The folder with the JSON schemas of Kubernetes, one subfolder for each version. */
export function findKubernetesSchemas(): string | undefined {
  const folder = join(ownTools, "..", "kubernetes-schemas");
  return existsSync(folder) ? folder : undefined;
}

/** One line for each tool that is missing. */
export function missingTools(): string[] {
  const missing = (Object.keys(tools) as ToolName[])
    .filter((name) => !findTool(name))
    .map(
      (name) => `check of ${tools[name].for}: no ${tools[name].program} (scripts/install-deploy-tools.sh)`,
    );
  if (!findKubernetesSchemas()) {
    missing.push("check of deploy/kubernetes: no schemas of Kubernetes (scripts/install-deploy-tools.sh)");
  }
  return missing;
}

/** What can be had from no package registry, so that no run of the tests has it. */
export const neverRun = [
  "deploy/Dockerfile, compose.yaml and kubernetes/ on a real container engine or cluster: none runs in the tests",
  "deploy/otel-collector and deploy/tempo by their own programs: only their form is checked",
];
