/** Settings that belong together: each is fine by itself, and still they do not fit. */
import type { blobSettings } from "#blobs/config.ts";
import type {
  databaseSettings,
  generalSettings,
  jobSettings,
  redisSettings,
  serviceSettings,
} from "#config/general.ts";
import { areAllRoles, includeAService } from "#config/roles.ts";
import type { dispatchSettings } from "#dispatch/config.ts";
import type { gatewaySettings } from "#gateway/config.ts";
import { createClientAddresses } from "#gateway/http/client-address.ts";
import type { identitySettings } from "#identity/config.ts";
import type { messengerSettings } from "#messenger/config.ts";
import type { circuitSettings } from "#platform/circuit/config.ts";
import type { SettingProblem, Values } from "#platform/settings.ts";
import type { telemetrySettings } from "#platform/telemetry/config.ts";
import type { searchSettings } from "#search/config.ts";

export interface SettingsByOwner {
  readonly general: Values<typeof generalSettings>;
  readonly database: Values<typeof databaseSettings>;
  readonly redis: Values<typeof redisSettings>;
  readonly jobs: Values<typeof jobSettings>;
  readonly service: Values<typeof serviceSettings>;
  readonly circuits: Values<typeof circuitSettings>;
  readonly gateway: Values<typeof gatewaySettings>;
  readonly identity: Values<typeof identitySettings>;
  readonly messenger: Values<typeof messengerSettings>;
  readonly dispatch: Values<typeof dispatchSettings>;
  readonly search: Values<typeof searchSettings>;
  readonly blobs: Values<typeof blobSettings>;
  readonly telemetry: Values<typeof telemetrySettings>;
}

export function crossChecks(config: SettingsByOwner): SettingProblem[] {
  return [
    ...gatewayChecks(config),
    ...limitChecks(config),
    ...searchChecks(config),
    ...blobChecks(config),
    ...roleChecks(config),
  ];
}

function gatewayChecks({ gateway }: SettingsByOwner): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (gateway.PARLEY_PORT !== 0 && gateway.PARLEY_PORT === gateway.PARLEY_GRPC_PORT) {
    problems.push({ name: "PARLEY_GRPC_PORT", message: "must not be the same as PARLEY_PORT" });
  }
  const outside = [
    gateway.PARLEY_EXTERNAL_JWKS_URL,
    gateway.PARLEY_EXTERNAL_ISSUER,
    gateway.PARLEY_EXTERNAL_AUDIENCE,
  ];
  if (outside.some(Boolean) && !outside.every(Boolean)) {
    const message = "must be set together with PARLEY_EXTERNAL_ISSUER and PARLEY_EXTERNAL_AUDIENCE";
    problems.push({ name: "PARLEY_EXTERNAL_JWKS_URL", message });
  }
  try {
    createClientAddresses(gateway.PARLEY_TRUSTED_PROXIES);
  } catch (error) {
    const message = (error as Error).message.replace("PARLEY_TRUSTED_PROXIES: ", "");
    problems.push({ name: "PARLEY_TRUSTED_PROXIES", message: `has an entry that is none: ${message}` });
  }
  for (const origin of gateway.PARLEY_ALLOWED_ORIGINS) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    problems.push({ name: "PARLEY_ALLOWED_ORIGINS", message: `has "${origin}", which is no web origin` });
  }
  return problems;
}

function limitChecks({ gateway, messenger, circuits, dispatch }: SettingsByOwner): SettingProblem[] {
  const problems: SettingProblem[] = [];
  // A character of JSON text may be written in six bytes (\\u0000).
  const largestFrame = 6 * messenger.PARLEY_MAX_TEXT_BYTES + 1_024;
  for (const name of ["PARLEY_WS_MAX_FRAME_BYTES", "PARLEY_MAX_BODY_BYTES"] as const) {
    if (gateway[name] >= largestFrame) continue;
    problems.push({ name, message: `must be at least ${largestFrame} for texts of PARLEY_MAX_TEXT_BYTES` });
  }
  if (circuits.PARLEY_CIRCUIT_OPEN_MAX_MS < circuits.PARLEY_CIRCUIT_OPEN_MS) {
    const message = "must be at least PARLEY_CIRCUIT_OPEN_MS";
    problems.push({ name: "PARLEY_CIRCUIT_OPEN_MAX_MS", message });
  }
  if (messenger.PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS >= dispatch.PARLEY_PROCESS_RETENTION_HOURS) {
    // Else a message that is tried again could be processed, and paid, twice.
    const message = "must be less than PARLEY_PROCESS_RETENTION_HOURS";
    problems.push({ name: "PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS", message });
  }
  return problems;
}

/** What a search needs besides its own time, so that it is answered before others give it up. */
const searchMarginMs = 1_000;

function searchChecks({ search, gateway }: SettingsByOwner): SettingProblem[] {
  if (search.PARLEY_SEARCH_TIMEOUT_MS + searchMarginMs <= gateway.PARLEY_CALL_TIMEOUT_MS) return [];
  const message = `must be at least ${searchMarginMs} less than PARLEY_CALL_TIMEOUT_MS`;
  return [{ name: "PARLEY_SEARCH_TIMEOUT_MS", message }];
}

function blobChecks({ blobs, general, service }: SettingsByOwner): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const { PARLEY_BLOB_STORE: store = "file:", PARLEY_BLOB_WRITE_BACK: writeBack } = blobs;
  const url = blobs.PARLEY_BLOB_SPOOL_URL;
  const isWriteBack = writeBack.length > 0 && general.PARLEY_ROLES.includes("blobs");
  if (isWriteBack && store.startsWith("file:")) {
    const message =
      "is for a PARLEY_BLOB_STORE that is slower than this machine's disk: with files, leave it out";
    problems.push({ name: "PARLEY_BLOB_WRITE_BACK", message });
  }
  if (isWriteBack && !url && !areAllRoles(general.PARLEY_ROLES)) {
    const message =
      "must be set with PARLEY_BLOB_WRITE_BACK where roles run apart: this process's service port, as others reach it";
    problems.push({ name: "PARLEY_BLOB_SPOOL_URL", message });
  }
  // Where roles run apart it is asked for anyway.
  if (url && areAllRoles(general.PARLEY_ROLES) && service.PARLEY_SERVICE_TOKEN.length === 0) {
    const message = "must be set, the same for all, with PARLEY_BLOB_SPOOL_URL: openssl rand -base64 32";
    problems.push({ name: "PARLEY_SERVICE_TOKEN", message });
  }
  return problems;
}

function roleChecks({ general, database, redis, service }: SettingsByOwner): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const runs = general.PARLEY_ROLES;
  if (database.DATABASE_URL && !general.PARLEY_SECRET_KEY && runs.includes("identity")) {
    const message = "must be set together with DATABASE_URL, the same for all pods: openssl rand -base64 32";
    problems.push({ name: "PARLEY_SECRET_KEY", message });
  }
  if (areAllRoles(runs)) return problems;
  if (!redis.REDIS_URL) {
    problems.push({ name: "REDIS_URL", message: "must be set, the same for all, where roles run apart" });
  }
  // The built-in database serves one process.
  if (!database.DATABASE_URL && includeAService(runs)) {
    problems.push({
      name: "DATABASE_URL",
      message: "must be set for a process that runs only some of the roles",
    });
  }
  if (service.PARLEY_SERVICE_TOKEN.length === 0) {
    const message = "must be set, the same for all, where roles run apart: openssl rand -base64 32";
    problems.push({ name: "PARLEY_SERVICE_TOKEN", message });
  }
  for (const { role, needs, setting } of neededServices) {
    if (!runs.includes(role) || runs.includes(needs) || service[setting].length > 0) continue;
    if (problems.some(({ name }) => name === setting)) continue;
    const message = `must be set: the ${role} needs ${needs}, which this process does not run`;
    problems.push({ name: setting, message });
  }
  return problems;
}

/** Which role calls which service. */
const neededServices = [
  { role: "gateway", needs: "identity", setting: "PARLEY_IDENTITY_URL" },
  { role: "gateway", needs: "messenger", setting: "PARLEY_MESSENGER_URL" },
  { role: "gateway", needs: "dispatch", setting: "PARLEY_DISPATCH_URL" },
  { role: "gateway", needs: "search", setting: "PARLEY_SEARCH_URL" },
  { role: "gateway", needs: "blobs", setting: "PARLEY_BLOBS_URL" },
  { role: "messenger", needs: "dispatch", setting: "PARLEY_DISPATCH_URL" },
  { role: "messenger", needs: "blobs", setting: "PARLEY_BLOBS_URL" },
  { role: "search", needs: "identity", setting: "PARLEY_IDENTITY_URL" },
  { role: "search", needs: "messenger", setting: "PARLEY_MESSENGER_URL" },
] as const;
