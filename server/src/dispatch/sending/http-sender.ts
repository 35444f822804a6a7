/** Sends requests to providers over HTTP/1.1, each provider over connections of its own that stay open. */
import type { Catalogue, Provider } from "#dispatch/providers/catalogue.ts";
import { createLineObserver } from "#dispatch/sending/line-observer.ts";
import { ProviderLine } from "#dispatch/sending/provider-line.ts";
import type { ResolveAll } from "#dispatch/sending/public-lookup.ts";
import type { Sender } from "#dispatch/sending/sender.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface SenderOptions {
  catalogue: Pick<Catalogue, "privateHosts">;
  telemetry: Telemetry;
  log: Log;
  /** Looks names up; for tests. */
  resolve?: ResolveAll;
}

export function createSender({ catalogue, telemetry, log, resolve }: SenderOptions): Sender {
  const lines = new Map<string, ProviderLine>();
  let isStopped = false;

  function lineTo(provider: Provider): ProviderLine {
    let line = lines.get(provider.id);
    if (!line) {
      line = new ProviderLine(provider, {
        privateHosts: catalogue.privateHosts,
        resolve,
        observer: createLineObserver(provider.id, telemetry, log),
      });
      lines.set(provider.id, line);
    }
    return line;
  }

  return {
    async send(provider, request) {
      if (isStopped) return { kind: "unsent", reason: "cancelled" };
      try {
        return await lineTo(provider).send(request);
      } catch (err) {
        log.error({ err, provider: provider.id }, "a request to a provider could not be made");
        return { kind: "unsent", reason: "connect" };
      }
    },
    async stop() {
      isStopped = true;
      await Promise.all([...lines.values()].map((line) => line.stop()));
    },
  };
}
