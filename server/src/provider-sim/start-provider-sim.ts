/**
 * A provider for development, tests and benchmarks: it answers with the text in upper case, keeps to quotas of every kind,
 * fails as it is told to, and keeps a ledger of what really arrived. See docs/providers.md.
 */
import { createServer } from "node:http";
import { listen } from "#platform/listen.ts";
import type { BehaviourInput } from "#provider-sim/behaviour.ts";
import type { Ledger } from "#provider-sim/ledger.ts";
import { createRequestHandler } from "#provider-sim/request-handler.ts";
import { SimulatedProvider } from "#provider-sim/simulated-provider.ts";

export interface ProviderSimOptions extends BehaviourInput {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Requests with the same value of this header get the first outcome; by default they do not. */
  readonly idempotencyHeader?: string;
  /** For tests: the time of day, and numbers from 0 to 1. */
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface ProviderSim {
  readonly url: string;
  readonly port: number;
  ledger(): Ledger;
  /** Changes what is given; throws an Error that says what is wrong. */
  behaviour(change: BehaviourInput): void;
  /** Counts and windows begin anew. */
  reset(): void;
  stop(): Promise<void>;
}

/** The ledger counts duplicates by it when repetitions are not answered from memory. */
const defaultIdHeader = "idempotency-key";
/** Longer than callers keep idle connections, so that none of them is closed as a request comes in. */
const keepAliveTimeoutMs = 300_000;

export async function startProviderSim(options: ProviderSimOptions = {}): Promise<ProviderSim> {
  const { host = "127.0.0.1", port = 0, idempotencyHeader, now, random, ...behaviour } = options;
  const draw = random ?? Math.random;
  const provider = new SimulatedProvider({
    behaviour,
    replays: idempotencyHeader !== undefined,
    now: now ?? Date.now,
    random: draw,
  });
  const server = createServer(
    { keepAliveTimeout: keepAliveTimeoutMs },
    createRequestHandler({
      provider,
      idempotencyHeader: (idempotencyHeader ?? defaultIdHeader).toLowerCase(),
      random: draw,
    }),
  );
  const listening = await listen(server, { host, port, setting: "--port" });
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${listening}`,
    port: listening,
    ledger: provider.ledger,
    behaviour: (change) => provider.change(change),
    reset: () => provider.reset(),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
