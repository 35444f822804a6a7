/** Redis is not there, or does not answer: do without it. */
export class RedisAwayError extends Error {
  readonly code = "redis-away";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisAwayError";
  }
}

/** What REDIS_URL names cannot be used as it is, however long one waits. */
export class RedisRefusedError extends Error {
  readonly code = "redis-refused";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisRefusedError";
  }
}

/** Answers of a server that a better configuration mends, and time does not. */
const refusals = [
  "WRONGPASS",
  "NOAUTH",
  "NOPERM",
  "NOPROTO",
  "ERR unknown command",
  "ERR Client sent AUTH",
  "ERR AUTH",
  "ERR The user executing the script can't run",
  "ERR DB index is out of range",
  "ERR SELECT is not allowed in cluster mode",
];

export function isRefusal(error: unknown): boolean {
  if (error instanceof RedisRefusedError) return true;
  return error instanceof Error && refusals.some((start) => error.message.startsWith(start));
}

/** The server is not the one, or not in the state, that the connection was made for: connect anew. */
const misdirections = ["MOVED", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING"];

export const isMisdirection = (error: Error): boolean =>
  misdirections.some((start) => error.message.startsWith(start));

/** In the middle of moving a slot between two nodes of a cluster: this key is nowhere for a moment. */
export const isMovingSlot = (error: Error): boolean => /^(ASK|TRYAGAIN) /.test(error.message);
