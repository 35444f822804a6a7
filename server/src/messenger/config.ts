import { messageTextSettings } from "#platform/message-text.ts";
import { integer, oneOf, type Values } from "#platform/settings.ts";

export const messengerSettings = {
  ...messageTextSettings,
  PARLEY_MAX_GROUP_MEMBERS: integer("members of one group or channel", 10_000, { min: 2, max: 1_000_000 }),
  PARLEY_SEND_BATCH_MAX: integer("messages stored by one statement", 1_000, { min: 1, max: 10_000 }),
  PARLEY_SEND_BATCHES_IN_FLIGHT: integer("batches of messages being stored at the same time", 1, {
    min: 1,
    max: 16,
  }),
  PARLEY_SEND_QUEUE_MAX: integer("messages that may wait to be stored; one more is refused", 20_000, {
    min: 1,
    max: 1_000_000,
  }),
  PARLEY_SEND_QUEUE_MAX_BYTES: integer("bytes of text that may wait to be stored", 67_108_864, {
    min: 1_048_576,
    max: 2_147_483_647,
  }),
  PARLEY_CHAT_PROCESSING_WORKERS: integer("messages of chats being processed at once, by one process", 8, {
    min: 1,
    max: 256,
  }),
  PARLEY_CHAT_PROCESSING_POLL_MS: integer(
    "how often a process looks for messages to be processed that others left, in milliseconds",
    1_000,
    { min: 20, max: 60_000 },
  ),
  PARLEY_CHAT_PROCESSING_LEASE_MS: integer(
    "how long a message is one process's to be processed; if it ends, another takes it up then, in milliseconds",
    30_000,
    { min: 1_000, max: 600_000 },
  ),
  PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS: integer(
    "how long a message may wait to be processed before it is given up",
    12,
    { min: 1, max: 8_760 },
  ),
  PARLEY_SEARCH_INDEX: oneOf("whether messages are indexed, so that search finds them", ["on", "off"], "on"),
};

export type MessengerConfig = Values<typeof messengerSettings>;
