/** Where the providers come from: the file that PARLEY_PROVIDERS names, or two simulated ones that this process runs. */
import { readFile } from "node:fs/promises";
import { startSimulatedPair } from "#app/simulated-pair.ts";
import { type Config, ConfigError } from "#config/config.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { ProvidersFileError } from "#dispatch/providers/problem.ts";
import type { Log } from "#platform/log.ts";
import type { StopList } from "#platform/stop-list.ts";

interface Surroundings {
  readonly config: Config;
  readonly log: Log;
  readonly stops: StopList;
}

/** Throws ConfigError when there is something wrong with the file. */
export async function openCatalogue({ config, log, stops }: Surroundings): Promise<Catalogue> {
  const fromFile = await readProvidersFile(config);
  if (fromFile) return fromFile;
  log.warn("PARLEY_PROVIDERS is not set: texts are processed by two simulated providers of this process");
  return startSimulatedPair(config.dispatch.PARLEY_PROCESS_MAX_TEXT_BYTES, stops);
}

/** Undefined: there is none to read. Throws ConfigError when there is something wrong with it. */
export async function readProvidersFile(config: Config): Promise<Catalogue | undefined> {
  const { PARLEY_PROVIDERS: path, PARLEY_PROCESS_MAX_TEXT_BYTES: maxTextBytes } = config.dispatch;
  if (!path || !config.general.PARLEY_ROLES.includes("dispatch")) return undefined;
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    const message = `names the file ${path}, which cannot be read (${error.code ?? error.message})`;
    throw new ConfigError([{ name: "PARLEY_PROVIDERS", message }]);
  });
  // The schema's compiler takes a while to load, and most processes have no use for it.
  const { loadCatalogue } = await import("#dispatch/providers/load-catalogue.ts");
  try {
    return loadCatalogue(text, { environment: process.env, maxTextBytes });
  } catch (error) {
    if (!(error instanceof ProvidersFileError)) throw error;
    throw new ConfigError(
      error.problems.map(({ line, column, message }) => ({ name: `${path}:${line}:${column}`, message })),
    );
  }
}
