import type { CallContext } from "#gateway/call.ts";
import type { DialectExchange, DialectParts } from "#gateway/dialects/dialect.ts";
import type { Places } from "#gateway/dialects/kv/places.ts";
import type { Values } from "#gateway/dialects/kv/values.ts";
import { fault } from "#platform/errors.ts";

/** What kv's routes are made of. */
export interface KvParts {
  config: DialectParts["config"];
  values: Values;
  places: Places;
}

/** Whose the values of anonymous callers are. No account has this id. */
const nobody = "00000000-0000-0000-0000-000000000000";

/** The context as that of whom the values belong to. Throws "unauthenticated" where anonymous callers are not let in. */
export function ownerContext({ config }: KvParts, { context }: DialectExchange): CallContext {
  if (context.caller) return context;
  if (config.PARLEY_KV_PUBLIC !== "true") throw fault("unauthenticated");
  return { ...context, caller: { userId: nobody, sessionId: "", roles: [], tokenExpiresAt: 0 } };
}
