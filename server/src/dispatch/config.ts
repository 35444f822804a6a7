import { integer, text, type Values } from "#platform/settings.ts";

export const dispatchSettings = {
  PARLEY_PROVIDERS: text(
    "file that says which providers process texts; without it, two simulated ones",
    undefined,
  ),
  PARLEY_PROCESS_MAX_TEXT_BYTES: integer(
    "how long a text to be processed may be, in bytes of UTF-8",
    65_536,
    { min: 1, max: 1_048_576 },
  ),
  PARLEY_PROCESS_RETENTION_HOURS: integer("how long outcomes of processing are kept", 24, {
    min: 1,
    max: 8_760,
  }),
  PARLEY_PROCESS_WORKERS: integer("texts processed in the background at once, by one process", 16, {
    min: 1,
    max: 1_000,
  }),
  PARLEY_PROCESS_MAX_WAITING_PER_USER: integer(
    "texts of one user that may wait to be processed in the background",
    1_000,
    { min: 1, max: 1_000_000 },
  ),
  PARLEY_OCTO_FREE_MESSAGES: integer(
    "texts a day (UTC) that the old API octo processes for a user without the role paid",
    10,
    { min: 0, max: 1_000_000 },
  ),
};

export type DispatchConfig = Values<typeof dispatchSettings>;
