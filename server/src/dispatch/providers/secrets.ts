/** Secrets are named in the providers file and stand in the environment: "Bearer ${TRANSLATE_KEY}". */

export type Environment = Readonly<Record<string, string | undefined>>;

export type Expanded = { readonly value: string } | { readonly problem: string };

const reference = /\$\{([^}]*)\}/g;
const nameForm = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Parley's own secrets are not for providers. */
const ownSettings = /^(PARLEY_|DATABASE_URL$|REDIS_URL$|AMQP_URL$)/;

/** The problem completes a sentence; it names the variable and never tells a value. */
export function expandSecrets(text: string, environment: Environment): Expanded {
  for (const [whole, name = ""] of text.matchAll(reference)) {
    if (!nameForm.test(name)) return { problem: `has ${whole}, which names no environment variable` };
    if (ownSettings.test(name))
      return { problem: `must not use ${name}, which is a setting of Parley itself` };
    if (!environment[name]) return { problem: `needs the environment variable ${name}, which is not set` };
  }
  return { value: text.replace(reference, (_, name: string) => environment[name]!) };
}
