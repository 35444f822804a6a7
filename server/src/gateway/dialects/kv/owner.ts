import type { CallContext } from "#gateway/call.ts";
import type { DialectExchange, DialectParts } from "#gateway/dialects/dialect.ts";
import type { Places } from "#gateway/dialects/kv/places.ts";
import type { Values } from "#gateway/dialects/kv/values.ts";
import { fault } from "#platform/errors.ts";
import { nilUuid } from "#platform/uuid.ts";

/** What kv's routes are made of. */
export interface KvParts {
  config: DialectParts["config"];
  values: Values;
  places: Places;
}

/**
 * The context as that of whom the values belong to: those of anonymous callers belong to nobody. Throws "unauthenticated" where
 * such callers are not let in.
 */
export function ownerContext({ config }: KvParts, { context }: DialectExchange): CallContext {
  if (context.caller) return context;
  if (config.PARLEY_KV_PUBLIC !== "true") throw fault("unauthenticated");
  return { ...context, caller: { userId: nilUuid, sessionId: "", roles: [], tokenExpiresAt: 0 } };
}
