/** The providers of a Parley that was not told of any: a free and a paid one, so that the switch can be seen. */
import { buildCatalogue } from "#dispatch/providers/build-catalogue.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import type { StopList } from "#platform/stop-list.ts";
import { startProviderSim } from "#provider-sim/start-provider-sim.ts";

const idempotencyHeader = "Idempotency-Key";
const free = { limit: 20, window: "60s" };
const price = 0.002;
const host = "127.0.0.1";

export async function startSimulatedPair(maxTextBytes: number, stops: StopList): Promise<Catalogue> {
  const freeSim = await startProviderSim({
    host,
    idempotencyHeader,
    quotas: [`fixed-window:${free.limit}/${free.window}`],
  });
  stops.add("simulated free provider", () => freeSim.stop());
  const paidSim = await startProviderSim({ host, idempotencyHeader, price });
  stops.add("simulated paid provider", () => paidSim.stop());
  const file = {
    paidAccess: "everyone",
    allowPrivateHosts: [host],
    providers: [
      {
        id: "free",
        url: `${freeSim.url}/process`,
        price: 0,
        idempotencyHeader,
        quotas: [{ kind: "fixed-window", ...free }],
      },
      { id: "paid", url: `${paidSim.url}/process`, price, idempotencyHeader },
    ],
    processors: [{ id: "default", about: "Two simulated providers: the text in upper case." }],
  } as const;
  return buildCatalogue(file, { environment: {}, maxTextBytes });
}
