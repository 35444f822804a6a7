import type { SearchClients } from "#search/clients.ts";
import type { SearchConfig } from "#search/config.ts";
import type { SearchMetrics } from "#search/search-metrics.ts";

/** What the RPCs are made of. */
export interface SearchParts {
  config: SearchConfig;
  clients: SearchClients;
  metrics: SearchMetrics;
}
