import { integer, type Values } from "#platform/settings.ts";

export const messengerSettings = {
  PARLEY_MAX_TEXT_BYTES: integer("how long a message may be, in bytes of UTF-8", 16_384, {
    min: 1,
    max: 1_048_576,
  }),
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
};

export type MessengerConfig = Values<typeof messengerSettings>;
