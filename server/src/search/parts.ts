import type { SearchClients } from "#search/clients.ts";
import type { SearchConfig } from "#search/config.ts";
import type { Results } from "#search/results/results.ts";
import type { SearchMetrics } from "#search/search-metrics.ts";
import type { Tasks } from "#search/tasks/create-tasks.ts";

/** What the RPCs are made of. */
export interface SearchParts {
  config: SearchConfig;
  clients: SearchClients;
  metrics: SearchMetrics;
  tasks: Tasks;
  results: Results;
}
