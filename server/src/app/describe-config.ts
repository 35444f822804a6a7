import { allSettings, type Config } from "#config/config.ts";

/** The effective configuration as lines of NAME=value that a shell can read, each under its meaning. */
export function describeConfig(config: Config, environment: Record<string, string | undefined>): string {
  const { dataDir: _, ...tables } = config;
  const values: Record<string, unknown> = Object.assign({}, ...Object.values(tables));
  const lines = Object.entries(allSettings).map(([name, { about, secret, emptyText = "" }]) => {
    const shown = show(values[name], secret) || emptyText;
    const origin = environment[name] ? "" : " (default)";
    return `# ${about}${origin}\n${shown === "" ? `# ${name}=` : `${name}=${shown}`}\n`;
  });
  return lines.join("\n");
}

function show(value: unknown, secret: boolean): string {
  if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return "";
  if (secret) return "********";
  return Array.isArray(value) ? value.join(",") : String(value);
}
