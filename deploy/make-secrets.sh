#!/bin/sh
# Writes deploy/.env with a fresh secret for everything in compose.yaml. Refuses to replace one: the database holds
# signing keys that only its PARLEY_SECRET_KEY can open.
set -eu
folder=${1:-$(dirname "$0")}
file=$folder/.env
if [ -e "$file" ]; then
  echo "$file exists already; nothing was changed" >&2
  exit 1
fi
umask 077
base64_secret() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
# In addresses (postgres://…) only plain characters are safe.
hex_secret() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
cat > "$file.new" <<END
PARLEY_SECRET_KEY=$(base64_secret)
PARLEY_SERVICE_TOKEN=$(base64_secret)
POSTGRES_PASSWORD=$(hex_secret)
VALKEY_PASSWORD=$(hex_secret)
RABBITMQ_PASSWORD=$(hex_secret)
S3_SECRET_KEY=$(hex_secret)
GRAFANA_PASSWORD=$(hex_secret)
END
mv "$file.new" "$file"
echo "Secrets written to $file. Keep a copy of it where you keep backups of the database."
