import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { createKv } from "#gateway/dialects/kv/kv.ts";
import { createLab } from "#gateway/dialects/lab/lab.ts";
import { createMessengerV1 } from "#gateway/dialects/messenger-v1/messenger-v1.ts";
import { createOcto } from "#gateway/dialects/octo/octo.ts";
import { createSocial } from "#gateway/dialects/social/social.ts";
import { type DialectName, dialectNames } from "#gateway/dialects/versions.ts";

const factories: Readonly<Record<DialectName, (parts: DialectParts) => Dialect>> = {
  "messenger-v1": createMessengerV1,
  social: createSocial,
  kv: createKv,
  octo: createOcto,
  lab: createLab,
};

/** Those that PARLEY_DIALECTS names. */
export function createDialects(parts: DialectParts): Dialect[] {
  return dialectNames
    .filter((name) => parts.config.PARLEY_DIALECTS.includes(name))
    .map((name) => factories[name](parts));
}
