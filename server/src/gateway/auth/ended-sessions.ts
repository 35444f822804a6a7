/**
 * Which sessions have ended while access tokens of theirs may still be unexpired. The bus tells of each at once; as it
 * may lose messages, the whole list is fetched now and then, and when the bus says that it may have lost some.
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
  const stops: Unsubscribe[] = [];
  let isLoading = false;
  let mustReload = false;
  let timer: NodeJS.Timeout | undefined;

  const load = async () => {
    mustReload = false;
    isLoading = true;
    try {
      const before = [...heard];
      const { sessionIds } = await identity.listEndedSessions({}, { timeoutMs: loadTimeoutMs });
      listed = new Set(sessionIds);
      // What was heard before the list was asked for is in it, or so old that its tokens have expired.
      for (const id of before) heard.delete(id);
    } finally {
      isLoading = false;
    }
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
    clearTimeout(timer);
    await load().catch((error) => log.warn({ err: error }, "the list of ended sessions was not reloaded"));
    schedule();
  };
  const schedule = () => {
    if (stops.length > 0) timer = setTimeout(reload, mustReload ? 0 : reloadMs).unref();
  };
  const onGap = () => {
    // What is being read may be older than what was lost.
    if (isLoading) mustReload = true;
    else void reload();
  };

  return {
    has: (sessionId) => heard.has(sessionId) || listed.has(sessionId),
    async start(signal) {
      const stopHearing = await bus.subscribe(topics.sessions, (message) => {
        for (const id of message.endedSessionIds) heard.add(id);
      });
      stops.push(stopHearing, bus.onGap(onGap));
      await firstLoad(signal);
      schedule();
    },
    stop() {
      clearTimeout(timer);
      for (const stop of stops.splice(0)) stop();
    },
  };
}
