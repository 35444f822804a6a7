/**
 * Which sessions have ended while access tokens of theirs may still be unexpired. The bus tells of each at once; as it
 * may lose messages, the whole list is fetched now and then.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { type Bus, topics, type Unsubscribe } from "#platform/bus.ts";
import type { Log } from "#platform/log.ts";

export interface EndedSessions {
  has(sessionId: string): boolean;
  /** Resolves once the list is there; identity is waited for. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): void;
}

export interface EndedSessionsOptions {
  identity: Client<typeof IdentityInternalService>;
  bus: Bus;
  log: Log;
  reloadMs?: number;
}

const loadTimeoutMs = 5_000;
const retryMs = 500;
const logEvery = 20;

export function createEndedSessions(options: EndedSessionsOptions): EndedSessions {
  const { identity, bus, log, reloadMs = 30_000 } = options;
  let listed = new Set<string>();
  /** Heard on the bus since the list was fetched. */
  const heard = new Set<string>();
  let unsubscribe: Unsubscribe | undefined;
  let timer: NodeJS.Timeout | undefined;

  const load = async () => {
    const before = [...heard];
    const { sessionIds } = await identity.listEndedSessions({}, { timeoutMs: loadTimeoutMs });
    listed = new Set(sessionIds);
    // What was heard before the list was asked for is in it, or so old that its tokens have expired.
    for (const id of before) heard.delete(id);
  };
  /** Without the list, ended sessions would pass: nobody is served before it is there. */
  const firstLoad = async (signal?: AbortSignal) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await load();
      } catch (error) {
        if (attempt % logEvery === 1) log.warn({ err: error }, "waiting for identity");
        await delay(retryMs, undefined, { signal });
      }
    }
  };
  const reload = async () => {
    await load().catch((error) => log.warn({ err: error }, "the list of ended sessions was not reloaded"));
    if (unsubscribe) timer = setTimeout(reload, reloadMs).unref();
  };

  return {
    has: (sessionId) => heard.has(sessionId) || listed.has(sessionId),
    async start(signal) {
      unsubscribe = await bus.subscribe(topics.sessions, (message) => {
        for (const id of message.endedSessionIds) heard.add(id);
      });
      await firstLoad(signal);
      timer = setTimeout(reload, reloadMs).unref();
    },
    stop() {
      clearTimeout(timer);
      unsubscribe?.();
      unsubscribe = undefined;
    },
  };
}
