/** What `parley <command>` does. Each command returns the exit code: 0 done, 1 failed, 2 called wrongly. */
import { parseArgs } from "node:util";
import { type App, startApp } from "#app/app.ts";
import { describeConfig } from "#app/describe-config.ts";
import { runDoctorCommand } from "#app/doctor-command.ts";
import { runJobsCommand } from "#app/jobs-command.ts";
import { runMigrations } from "#app/migrations.ts";
import { readProvidersFile } from "#app/provider-catalogue.ts";
import { runProviderSim } from "#app/provider-sim-command.ts";
import { rebuildSearchIndex, rebuildSearchIndexUsage } from "#app/rebuild-search-index-command.ts";
import { waitForStopSignal } from "#app/stop-signal.ts";
import { type Config, ConfigError, readConfig } from "#config/config.ts";
import { describeCatalogue } from "#dispatch/providers/describe-catalogue.ts";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import packageJson from "../../package.json" with { type: "json" };

interface Command {
  about: string;
  run(args: string[]): Promise<number>;
}

export const commands: Record<string, Command> = {
  serve: { about: "run Parley until it is told to stop", run: withConfig(serve) },
  migrate: { about: "bring the database schema up to date, then exit", run: withConfig(migrateOnly) },
  "check-config": {
    about: "print the effective configuration, secrets masked",
    run: withConfig(checkConfig),
  },
  doctor: {
    about: "check that the data is as it must be, and repair it (--help tells more)",
    run: runDoctorCommand,
  },
  jobs: {
    about: "look at background jobs, and at those that failed (--help tells more)",
    run: runJobsCommand,
  },
  "provider-sim": {
    about: "run a simulated provider, for development and tests (--help tells more)",
    run: runProviderSim,
  },
  "rebuild-search-index": {
    about: "index all messages anew, while Parley runs or not (--help tells more)",
    run: withConfig(rebuildSearchIndex, rebuildSearchIndexUsage),
  },
  version: { about: "print the version", run: version },
  help: { about: "print this", run: () => help() },
};

export function usage(): string {
  const lines = Object.entries(commands).map(([name, { about }]) => `  parley ${name.padEnd(22)}${about}`);
  return `Usage: parley <command>\n\n${lines.join("\n")}\n\nSettings are environment variables: \`parley check-config\` prints them all.\n`;
}

function withConfig(run: (config: Config) => Promise<number>, ownUsage?: string) {
  return async (args: string[]): Promise<number> => {
    try {
      const { values } = parseArgs({ args, options: { help: { type: "boolean", short: "h" } } });
      if (values.help) return help(ownUsage);
      return await run(readConfig(process.env));
    } catch (error) {
      if (error instanceof ConfigError) {
        process.stderr.write(`parley: the configuration is not valid\n${indent(error.message)}\n`);
        return 2;
      }
      process.stderr.write(`parley: ${describeFailure(error)}\n`);
      return 1;
    }
  };
}

/** What stopped a start; an operator is told the causes that callers are not. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (toPublicError(error).code !== "unavailable") return error.message;
  const cause = error.cause instanceof Error ? error.cause.message || String(error.cause) : "no answer";
  return `the database that DATABASE_URL names cannot be used: ${cause}`;
}

const indent = (text: string) => text.replace(/^/gm, "  ");

async function serve(config: Config): Promise<number> {
  const log = createLog(config.general.PARLEY_LOG_LEVEL);
  using stop = waitForStopSignal();
  let app: App;
  try {
    app = await startApp({ config, log, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  }
  process.stdout.write(`\n${readyText(config, app)}\n\n`);
  await stop.requested;
  process.stdout.write("Stopping…\n");
  await stopInTime(app);
  return 0;
}

/** What an orchestrator grants before it kills: an end that is late is better made by ourselves, and said. */
const stopDeadlineMs = 9_500;

async function stopInTime(app: App): Promise<void> {
  const late = setTimeout(() => {
    process.stderr.write("parley: did not stop in time\n");
    process.exit(1);
  }, stopDeadlineMs);
  await app.stop();
  clearTimeout(late);
}

function readyText(config: Config, app: App): string {
  const roles = config.general.PARLEY_ROLES;
  const services = app.servicePort
    ? `  Services: ${roles.filter((role) => role !== "gateway")} on port ${app.servicePort}`
    : "";
  if (!app.httpPort) return `Parley is ready.${services}`;
  const host = config.gateway.PARLEY_HOST;
  const base = `http://${host === "127.0.0.1" || host === "0.0.0.0" ? "localhost" : host}:${app.httpPort}`;
  return `Parley is ready.${services}  Web client: ${base}   API docs: ${base}/docs`;
}

async function migrateOnly(config: Config): Promise<number> {
  await runMigrations(config, createLog(config.general.PARLEY_LOG_LEVEL));
  process.stdout.write("The schema is up to date.\n");
  return 0;
}

async function checkConfig(config: Config): Promise<number> {
  const catalogue = await readProvidersFile(config);
  process.stdout.write(describeConfig(config, process.env));
  if (catalogue) {
    const lines = describeCatalogue(catalogue).replace(/^/gm, "# ");
    process.stdout.write(
      `\n# The providers that ${config.dispatch.PARLEY_PROVIDERS} describes, with all defaults:\n${lines}\n`,
    );
  }
  return 0;
}

async function version(): Promise<number> {
  process.stdout.write(`parley ${packageJson.version} (node ${process.versions.node})\n`);
  return 0;
}

async function help(text = usage()): Promise<number> {
  process.stdout.write(text);
  return 0;
}
