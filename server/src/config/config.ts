/**
 * The effective configuration, in two pure steps: each module's table reads its own variables, then what belongs
 * together is checked together. Nothing here touches the disk or the network.
 */
import { resolve } from "node:path";
import {
  databaseSettings,
  generalSettings,
  jobSettings,
  redisSettings,
  serviceSettings,
} from "#config/general.ts";
import { areAllRoles, includeAService } from "#config/roles.ts";
import { dispatchSettings } from "#dispatch/config.ts";
import { gatewaySettings } from "#gateway/config.ts";
import { createClientAddresses } from "#gateway/http/client-address.ts";
import { identitySettings } from "#identity/config.ts";
import { messengerSettings } from "#messenger/config.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { readSettings, type SettingProblem, type Settings, type Values } from "#platform/settings.ts";
import { spellingDistance } from "#platform/spelling-distance.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { searchSettings } from "#search/config.ts";

export type Environment = Record<string, string | undefined>;

export interface Config {
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
  readonly telemetry: Values<typeof telemetrySettings>;
  readonly dataDir: string;
}

/** Every setting there is, in the order in which people are shown them. */
export const allSettings: Settings = {
  ...generalSettings,
  ...databaseSettings,
  ...redisSettings,
  ...jobSettings,
  ...serviceSettings,
  ...circuitSettings,
  ...gatewaySettings,
  ...identitySettings,
  ...messengerSettings,
  ...dispatchSettings,
  ...searchSettings,
  ...telemetrySettings,
};

export class ConfigError extends Error {
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    super(problems.map(({ name, message }) => `${name} ${message}`).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Throws ConfigError with all problems at once. */
export function readConfig(environment: Environment): Config {
  const problems: SettingProblem[] = [];
  const general = readSettings(generalSettings, environment, problems);
  const config: Config = Object.freeze({
    general,
    database: readSettings(databaseSettings, environment, problems),
    redis: readSettings(redisSettings, environment, problems),
    jobs: readSettings(jobSettings, environment, problems),
    service: readSettings(serviceSettings, environment, problems),
    circuits: readSettings(circuitSettings, environment, problems),
    gateway: readSettings(gatewaySettings, environment, problems),
    identity: readSettings(identitySettings, environment, problems),
    messenger: readSettings(messengerSettings, environment, problems),
    dispatch: readSettings(dispatchSettings, environment, problems),
    search: readSettings(searchSettings, environment, problems),
    telemetry: readSettings(telemetrySettings, environment, problems),
    dataDir: resolve(general.PARLEY_DATA_DIR),
  });
  problems.push(...unknownVariables(environment), ...crossChecks(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** A typing error in a name must not go unnoticed: it would leave a default in force. */
function unknownVariables(environment: Environment): SettingProblem[] {
  return Object.keys(environment)
    .filter(
      (name) => name.startsWith("PARLEY_") && !(name in allSettings) && !name.startsWith("PARLEY_TEST_"),
    )
    .map((name) => ({ name, message: `is not a setting of Parley${suggestion(name)}` }));
}

/** Letters of a name that may be wrong. */
const mostWrong = 2;

function suggestion(name: string): string {
  const near = Object.keys(allSettings).find(
    (known) => spellingDistance(name, known, mostWrong) <= mostWrong,
  );
  return near ? `; did you mean ${near}?` : "";
}

function crossChecks(config: Config): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const { gateway } = config;
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
  // A character of JSON text may be written in six bytes (\\u0000).
  const largestFrame = 6 * config.messenger.PARLEY_MAX_TEXT_BYTES + 1_024;
  for (const name of ["PARLEY_WS_MAX_FRAME_BYTES", "PARLEY_MAX_BODY_BYTES"] as const) {
    if (gateway[name] >= largestFrame) continue;
    problems.push({ name, message: `must be at least ${largestFrame} for texts of PARLEY_MAX_TEXT_BYTES` });
  }
  if (config.circuits.PARLEY_CIRCUIT_OPEN_MAX_MS < config.circuits.PARLEY_CIRCUIT_OPEN_MS) {
    const message = "must be at least PARLEY_CIRCUIT_OPEN_MS";
    problems.push({ name: "PARLEY_CIRCUIT_OPEN_MAX_MS", message });
  }
  if (
    config.messenger.PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS >= config.dispatch.PARLEY_PROCESS_RETENTION_HOURS
  ) {
    // Else a message that is tried again could be processed, and paid, twice.
    const message = "must be less than PARLEY_PROCESS_RETENTION_HOURS";
    problems.push({ name: "PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS", message });
  }
  return [...problems, ...searchChecks(config), ...roleChecks(config)];
}

/** What a search needs besides its own time, so that it is answered before others give it up. */
const searchMarginMs = 1_000;

function searchChecks({ search, gateway }: Config): SettingProblem[] {
  if (search.PARLEY_SEARCH_TIMEOUT_MS + searchMarginMs <= gateway.PARLEY_CALL_TIMEOUT_MS) return [];
  const message = `must be at least ${searchMarginMs} less than PARLEY_CALL_TIMEOUT_MS`;
  return [{ name: "PARLEY_SEARCH_TIMEOUT_MS", message }];
}

function roleChecks({ general, database, redis, service }: Config): SettingProblem[] {
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
  { role: "messenger", needs: "dispatch", setting: "PARLEY_DISPATCH_URL" },
  { role: "search", needs: "identity", setting: "PARLEY_IDENTITY_URL" },
  { role: "search", needs: "messenger", setting: "PARLEY_MESSENGER_URL" },
] as const;
