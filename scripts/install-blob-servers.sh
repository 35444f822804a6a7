#!/usr/bin/env bash
# Installs the object stores that tests run against into node_modules/.blob-servers: by Go versitygw, which speaks S3, and by npm
# Azurite, which speaks Azure Blob. Does nothing when that is done. Needs Go 1.24 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."

servers=$PWD/node_modules/.blob-servers
stamp=$servers/installed
version=$(sha256sum "$0" | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && exit 0
rm -rf "$servers"
mkdir -p "$servers/bin"

GOBIN=$servers/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 &
go=$!
# Its 340 packages are no dependency of ours: they get a folder of their own.
npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix "$servers/azurite" azurite@3.37.0
wait "$go"
echo "$version" > "$stamp"
