/** Which processors there are, as dispatch says: asked when a chat names one, not for each chat anew. */

import type { MessengerClients } from "#messenger/clients.ts";
import { type Actor, actorHeaders } from "#platform/actor.ts";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";

export interface KnownProcessors {
  /** Refuses a name that is none ("processor-not-found"), and all while dispatch cannot be asked ("unavailable"). */
  require(name: string, actor: Actor): Promise<void>;
}

const freshMs = 10_000;
/** A name that was not in the list may have been added since. */
const retryUnknownAfterMs = 1_000;
const timeoutMs = 3_000;
/** What says that dispatch cannot be asked now. */
const awayCodes: readonly ErrorCode[] = [
  "circuit-open",
  "overloaded",
  "timeout",
  "route-not-found",
  "internal",
];

interface Answer {
  names: ReadonlySet<string>;
  atMs: number;
}

export function createKnownProcessors(
  client: MessengerClients["process"] | undefined,
  nowMs: () => number = performance.now.bind(performance),
): KnownProcessors {
  let latest: Answer | undefined;
  let underWay: Promise<Answer> | undefined;

  const ask = async (actor: Actor): Promise<Answer> => {
    if (!client) throw fault("unavailable");
    const atMs = nowMs();
    try {
      const { processors } = await client.listProcessors({}, { headers: actorHeaders(actor), timeoutMs });
      latest = { names: new Set(processors.map(({ id }) => id)), atMs };
      return latest;
    } catch (cause) {
      throw awayCodes.includes(toPublicError(cause).code) ? fault("unavailable", { cause }) : cause;
    } finally {
      underWay = undefined;
    }
  };
  const isGood = ({ names, atMs }: Answer, name: string) =>
    nowMs() - atMs < (names.has(name) ? freshMs : retryUnknownAfterMs);

  return {
    async require(name, actor) {
      if (!latest || !isGood(latest, name)) {
        underWay ??= ask(actor);
        await underWay;
      }
      if (!latest?.names.has(name)) throw fault("processor-not-found");
    },
  };
}
