#!/usr/bin/env bash
# Runs a command with PARLEY_TEST_DATABASE_URL set to a throw-away cluster of the PostgreSQL that the machine's
# package manager installed. Usage: scripts/with-debian-postgres.sh <command> [argument …]
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
[ -x "$bin/postgres" ] || { echo "no PostgreSQL server found under /usr/lib/postgresql" >&2; exit 1; }
dir=$(mktemp -d)
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# PostgreSQL refuses to run as root.
run=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  run=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
stop() {
  "${run[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT

(umask 077 && printf '%s\n' "$password" >"$dir/password")
[ "$(id -u)" = 0 ] && chown postgres "$dir/password"
"${run[@]}" "$bin/initdb" -D "$dir/data" -U parley -A scram-sha-256 --pwfile="$dir/password" -E UTF8 --locale=C.UTF-8 >/dev/null
"${run[@]}" "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c max_connections=300" start >/dev/null ||
  { cat "$dir/log" >&2; exit 1; }
"$bin/postgres" --version >&2

export PARLEY_TEST_DATABASE_URL="postgres://parley:$password@127.0.0.1:$port/postgres"
"$@"
