import { integer, type Values } from "#platform/settings.ts";

export const searchSettings = {
  PARLEY_SEARCH_TIMEOUT_MS: integer("how long GET /v2/search may look before it answers what it has", 2_000, {
    min: 50,
    max: 30_000,
  }),
  PARLEY_SEARCH_TASK_TIMEOUT_MS: integer(
    "how long a search task may look before it keeps what it has",
    5_000,
    {
      min: 100,
      max: 600_000,
    },
  ),
  PARLEY_SEARCH_TASK_MAX_RESULTS: integer("messages that a search task finds at the most", 10_000, {
    min: 100,
    max: 1_000_000,
  }),
  PARLEY_SEARCH_TASK_EXPIRY_MS: integer("how long a search task is kept after its end", 300_000, {
    min: 1_000,
    max: 86_400_000,
  }),
  PARLEY_SEARCH_TASKS_PER_USER: integer("search tasks of one user that run at once; others wait", 2, {
    min: 1,
    max: 100,
  }),
  PARLEY_SEARCH_TASKS_OPEN_PER_USER: integer(
    "search tasks of one user that wait or run; one more is refused",
    20,
    {
      min: 1,
      max: 1_000,
    },
  ),
  PARLEY_SEARCH_TASKS_KEPT_PER_USER: integer(
    "search tasks of one user that are kept, ended ones included; one more is refused until one expires or is deleted",
    200,
    {
      min: 1,
      max: 100_000,
    },
  ),
  PARLEY_SEARCH_WORKERS: integer("search tasks at once, by one process", 4, { min: 1, max: 64 }),
};

export type SearchConfig = Values<typeof searchSettings>;
