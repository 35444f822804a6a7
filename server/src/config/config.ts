/**
 * The effective configuration, in two pure steps: each module's table reads its own variables, then what belongs
 * together is checked together. Nothing here touches the disk or the network.
 */
import { resolve } from "node:path";
import { blobSettings } from "#blobs/config.ts";
import { crossChecks, type SettingsByOwner } from "#config/cross-checks.ts";
import {
  databaseSettings,
  generalSettings,
  jobSettings,
  redisSettings,
  serviceSettings,
} from "#config/general.ts";
import { dispatchSettings } from "#dispatch/config.ts";
import { gatewaySettings } from "#gateway/config.ts";
import { identitySettings } from "#identity/config.ts";
import { messengerSettings } from "#messenger/config.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { readSettings, type SettingProblem, type Settings } from "#platform/settings.ts";
import { spellingDistance } from "#platform/spelling-distance.ts";
import { telemetrySettings } from "#platform/telemetry/config.ts";
import { searchSettings } from "#search/config.ts";

export type Environment = Record<string, string | undefined>;

export interface Config extends SettingsByOwner {
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
  ...blobSettings,
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
    blobs: readSettings(blobSettings, environment, problems),
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
