/** Ways to single pods by the URLs of their service ports, for blobs that only one pod's disk has. */
import { type Client, createClient } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import type { Config } from "#config/config.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import { guardTransport } from "#platform/guarded-transport.ts";
import type { Log } from "#platform/log.ts";
import type { SharedClock } from "#platform/shared-clock.ts";
import { traceTransport } from "#platform/telemetry/traced-transport.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { createEndpoint } from "#platform/wire/endpoint.ts";

export interface PodClientsOptions {
  config: Config;
  circuits: Circuits;
  clock: SharedClock;
  telemetry: Telemetry;
  log: Log;
}

type PodClient = Client<typeof BlobInternalService>;

export interface PodClients {
  to(url: string): PodClient;
  stop(): void;
}

/** Pods come and go: the way to the one that has been there the longest is closed for another. */
const maxPods = 100;
const circuitName = "blob-spool";

export function createPodClients(options: PodClientsOptions): PodClients {
  const pods = new Map<string, { client: PodClient; close(): void }>();
  const close = (url: string) => {
    pods.get(url)?.close();
    pods.delete(url);
  };
  return {
    to(url) {
      const known = pods.get(url);
      if (known) return known.client;
      for (const oldest of pods.keys()) {
        if (pods.size < maxPods) break;
        close(oldest);
      }
      const made = openPod(url, options);
      pods.set(url, made);
      return made.client;
    },
    stop() {
      for (const url of pods.keys()) close(url);
    },
  };
}

function openPod(url: string, { config, circuits, clock, telemetry, log }: PodClientsOptions) {
  const sign = createSignHeaders("blobs", { serviceTokens: config.service.PARLEY_SERVICE_TOKEN, clock });
  const onTime = (timeMs: number, roundTripMs: number) => clock.adopt(timeMs, roundTripMs);
  const endpoint = createEndpoint({ url, sign, onTime, log });
  const guarded = guardTransport(endpoint.transport, {
    circuit: circuits.of(circuitName, url),
    bulkhead: circuits.bulkheadOf(circuitName),
    timeoutMs: config.gateway.PARLEY_CALL_TIMEOUT_MS,
  });
  return {
    client: createClient(BlobInternalService, traceTransport(guarded, telemetry, "blobs")),
    close() {
      circuits.forget(circuitName, url);
      endpoint.close();
    },
  };
}
