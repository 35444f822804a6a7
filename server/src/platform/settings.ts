/**
 * Settings are environment variables. Each folder declares its own in a table of these, in its config.ts, and config/
 * reads them all: a value that does not fit stops the start, and so does a PARLEY_ variable that nobody declares.
 */
export interface Setting<T> {
  /** One line for people: what it is, in which unit. */
  readonly about: string;
  readonly secret: boolean;
  /** As shown to people. */
  readonly defaultText: string;
  readonly default: T;
  /** How an empty list is written, where nothing written means the default. */
  readonly emptyText?: string;
  /** Throws an Error whose message completes "PARLEY_X …". */
  parse(text: string): T;
}

export type Settings = Record<string, Setting<unknown>>;

/** The values of a settings table, by variable name. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

function setting<T>(about: string, fallback: T, parse: (text: string) => T, secret = false): Setting<T> {
  const defaultText =
    fallback === undefined ? "" : Array.isArray(fallback) ? fallback.join(",") : String(fallback);
  return { about, secret, default: fallback, defaultText, parse };
}

export function integer(
  about: string,
  fallback: number,
  range: { min: number; max: number },
): Setting<number> {
  return setting(about, fallback, (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= range.min && value <= range.max)) {
      throw new Error(`must be a whole number from ${range.min} to ${range.max}`);
    }
    return value;
  });
}

export function text<T extends string | undefined>(about: string, fallback: T): Setting<string | T> {
  return setting<string | T>(about, fallback, (value) => value);
}

export function secret(about: string): Setting<string | undefined> {
  return setting<string | undefined>(about, undefined, (value) => value, true);
}

export function url(about: string, protocols: string[], options: { secret?: boolean } = {}) {
  return setting<string | undefined>(
    about,
    undefined,
    (value) => {
      if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
        throw new Error(`must be a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`);
      }
      return value;
    },
    options.secret ?? false,
  );
}

export function oneOf<T extends string>(about: string, choices: readonly T[], fallback: T): Setting<T> {
  return setting<T>(about, fallback, (value) => {
    if (!choices.includes(value as T)) throw new Error(`must be one of ${choices.join(", ")}`);
    return value as T;
  });
}

/** Comma-separated. */
export function list(about: string, fallback: string[]): Setting<string[]> {
  return setting(about, fallback, (value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  );
}

export interface SettingProblem {
  name: string;
  message: string;
}

/** Reads a table from the environment. An empty variable counts as not set. Problems are collected, not thrown. */
export function readSettings<S extends Settings>(
  settings: S,
  environment: Record<string, string | undefined>,
  problems: SettingProblem[],
): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(settings)) {
    const given = environment[name];
    try {
      values[name] = given ? one.parse(given) : one.default;
    } catch (error) {
      problems.push({ name, message: (error as Error).message });
      values[name] = one.default;
    }
  }
  return Object.freeze(values) as Values<S>;
}
