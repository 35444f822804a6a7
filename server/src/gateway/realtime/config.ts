import { integer, type Values } from "#platform/settings.ts";

const many = 1_000_000;

export const socketSettings = {
  PARLEY_WS_MAX_FRAME_BYTES: integer(
    "largest frame of a client; the longest text may be escaped six-fold in JSON",
    131_072,
    { min: 1_024, max: 16_777_216 },
  ),
  PARLEY_WS_MAX_BUFFERED_BYTES: integer(
    "unsent bytes of a socket above which it is closed as too slow",
    1_048_576,
    { min: 65_536, max: 268_435_456 },
  ),
  PARLEY_WS_FRAMES_PER_SECOND: integer("frames of a socket; twice as many in a burst; 0: no limit", 500, {
    min: 0,
    max: many,
  }),
  PARLEY_WS_MAX_CALLS: integer("calls of a socket at a time", 256, { min: 1, max: 10_000 }),
  PARLEY_WS_MAX_SOCKETS: integer("sockets of this gateway", 100_000, { min: 1, max: many }),
  PARLEY_WS_MAX_SOCKETS_PER_USER: integer("sockets of one user on this gateway", 100, { min: 1, max: many }),
  PARLEY_WS_PING_SECONDS: integer("time between pings of a socket", 25, { min: 2, max: 60 }),
  PARLEY_WS_PONG_SECONDS: integer("time that a socket has to answer a ping", 15, { min: 1, max: 60 }),
  PARLEY_RESUME_MAX_EVENTS: integer(
    "events that a resume pushes per chat; above it: recovered false",
    1_000,
    {
      min: 0,
      max: 10_000,
    },
  ),
  PARLEY_RESUME_MAX_TOTAL_EVENTS: integer("events that a resume pushes in all", 10_000, {
    min: 0,
    max: 100_000,
  }),
  PARLEY_RESUME_CONCURRENCY: integer("reads of this gateway for resuming sockets at a time", 16, {
    min: 1,
    max: 1_000,
  }),
  PARLEY_POSITION_CHECK_SECONDS: integer(
    "how often it is checked that the event bus lost nothing; 0: never",
    60,
    { min: 0, max: 86_400 },
  ),
  PARLEY_PRESENCE_GRACE_SECONDS: integer("how long a user without socket counts as online", 10, {
    min: 0,
    max: 3_600,
  }),
  PARLEY_SEND_GATHER_MAX: integer(
    "messages that the gateway holds for the messenger; one more is refused",
    20_000,
    {
      min: 1,
      max: many,
    },
  ),
};

export type SocketConfig = Values<typeof socketSettings>;
