/** Requests whose outcome can be asked for again. Of all that bring the same key, one is processed, and all get its outcome. */
import { setTimeout as delay } from "node:timers/promises";
import type { HeldRequests } from "#dispatch/requests/held-requests.ts";
import { addedRow, hashOf, type NewRequest, newRow } from "#dispatch/requests/new-request.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import type { RequestWrites } from "#dispatch/requests/request-writes.ts";
import { OwnershipLostError, type Runner } from "#dispatch/requests/run-request.ts";
import type { RequestStore } from "#dispatch/requests/store-requests.ts";
import { createWaitingBound, type WaitingBound } from "#dispatch/requests/waiting-bound.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export interface Requests {
  /**
   * Resolves with the row once it has ended, or as it stands shortly before the time is over; it then goes on in the
   * background. Rejects with idempotency-key-reused, and with what says that it was not processed: the key is free then.
   */
  attend(request: NewRequest & { key: string }, timeoutMs: number): Promise<RequestRow>;
  /** Resolves with the row at once. Rejects with too-many-requests. */
  enqueue(request: NewRequest): Promise<RequestRow>;
  /** Of this user; undefined: there is none. */
  find(id: string, userId: string): Promise<RequestRow | undefined>;
  /** Refuses what comes. */
  stop(): void;
}

export interface RequestsOptions {
  store: RequestStore;
  writes: RequestWrites;
  held: HeldRequests;
  runner: Runner;
  /** Names this process as an owner. */
  owner: string;
  maxWaitingPerUser: number;
  /** There is something new in the background. */
  wake(): void;
}

/** All of this process that bring the same key at the same time. */
interface Flight {
  readonly contentHash: Buffer;
  readonly outcome: Promise<RequestRow>;
  attending: number;
  /** Known once there is a row. */
  id: string | undefined;
}

const maxFlights = 20_000;
/** How often one that another process gave up is begun anew. */
const maxRounds = 20;

export function createRequests(options: RequestsOptions): Requests {
  const flights = new Map<string, Flight>();
  const bound = createWaitingBound(options.store, options.maxWaitingPerUser);
  let isStopped = false;

  const takeOff = (request: NewRequest & { key: string }, contentHash: Buffer, timeoutMs: number): Flight => {
    if (flights.size >= maxFlights) throw fault("overloaded");
    const name = `${request.userId} ${request.key}`;
    const { promise, resolve, reject } = Promise.withResolvers<RequestRow>();
    const flight: Flight = { contentHash, outcome: promise, attending: 0, id: undefined };
    flights.set(name, flight);
    // Whoever attends hears of it; nobody may attend any more.
    promise.catch(() => {}).finally(() => flights.delete(name));
    fly(options, flight, request, timeoutMs).then(resolve, reject);
    return flight;
  };

  return {
    async attend(request, timeoutMs) {
      if (isStopped) throw fault("unavailable");
      const contentHash = hashOf(request);
      const untilMs = performance.now() + timeoutMs - marginMs(timeoutMs);
      for (;;) {
        const leftMs = Math.max(0, untilMs - performance.now());
        const known = flights.get(`${request.userId} ${request.key}`);
        if (known && !known.contentHash.equals(contentHash)) throw keyReused();
        const flight = known ?? takeOff(request, contentHash, leftMs);
        try {
          return await attendFlight(bound, flight, leftMs);
        } catch (error) {
          // The first to come had less time.
          const mayTryAgain = known && performance.now() < untilMs && toPublicError(error).code === "timeout";
          if (!mayTryAgain) throw error;
        }
      }
    },

    async enqueue(request) {
      if (isStopped) throw fault("unavailable");
      return bound.admit(request.userId, (isFull) => enqueue(options, bound, request, isFull));
    },

    async find(id, userId) {
      const row = await options.store.find(id);
      return row?.userId === userId ? row : undefined;
    },

    stop() {
      isStopped = true;
    },
  };
}

async function enqueue(
  options: RequestsOptions,
  bound: WaitingBound,
  request: NewRequest,
  isFull: boolean,
): Promise<RequestRow> {
  const contentHash = hashOf(request);
  for (let round = 0; round < maxRounds; round++) {
    const known = request.key === undefined ? undefined : await promoted(options, bound, request);
    if (known) return requireSame(known, contentHash);
    if (isFull) throw bound.refusal();
    const row = newRow(request, contentHash, { inBackground: true, owner: null });
    const createdAt = await options.writes.add(row);
    if (!createdAt) continue;
    options.wake();
    return addedRow(row, createdAt);
  }
  throw fault("timeout");
}

async function attendFlight(bound: WaitingBound, flight: Flight, timeoutMs: number): Promise<RequestRow> {
  flight.attending += 1;
  try {
    return (await within(flight.outcome, timeoutMs)) ?? (await asItStands(bound, flight));
  } finally {
    flight.attending -= 1;
  }
}

/** Until it has ended, here or at another process. */
async function fly(
  options: RequestsOptions,
  flight: Flight,
  request: NewRequest & { key: string },
  timeoutMs: number,
): Promise<RequestRow> {
  const { writes, held, runner, store, owner } = options;
  const untilMs = performance.now() + timeoutMs;
  for (let round = 0; round < maxRounds && performance.now() < untilMs; round++) {
    const row = newRow(request, flight.contentHash, { inBackground: false, owner });
    const outcome = await held.hold(row.id, async () => {
      if (!(await writes.add(row))) return undefined;
      flight.id = row.id;
      const leftMs = Math.max(0, untilMs - performance.now());
      return await runner.run({ ...request, id: row.id, timeoutMs: leftMs, ageMs: 0 }).catch(unlessLost);
    });
    if (outcome) return outcome;
    const known = await store.findByKey(request.userId, request.key);
    if (!known) continue;
    requireSame(known, flight.contentHash);
    flight.id = known.id;
    const ended = known.endedAt ? known : await untilEnded(options, flight, known.id);
    if (ended) return ended;
  }
  throw fault("timeout");
}

function unlessLost(error: unknown): undefined {
  if (!(error instanceof OwnershipLostError)) throw error;
}

const firstPauseMs = 10;
const maxPauseMs = 500;

/** Undefined: it is gone, without an outcome. Rejects when nobody attends any more. */
async function untilEnded(
  { store }: RequestsOptions,
  flight: Flight,
  id: string,
): Promise<RequestRow | undefined> {
  for (let pauseMs = firstPauseMs; flight.attending > 0; pauseMs = Math.min(maxPauseMs, 2 * pauseMs)) {
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { ref: false });
    const row = await store.find(id);
    if (!row || row.endedAt) return row;
  }
  throw fault("timeout");
}

/** Its id is a promise: from now on it goes on in the background. */
async function asItStands(bound: WaitingBound, { id }: Flight): Promise<RequestRow> {
  const row = id === undefined ? undefined : await bound.promote(id);
  if (!row) throw fault("timeout");
  return row;
}

/** The one with this key, which goes on in the background from now on. */
async function promoted(
  { store }: RequestsOptions,
  bound: WaitingBound,
  { userId, key }: NewRequest,
): Promise<RequestRow | undefined> {
  const known = await store.findByKey(userId, key!);
  return !known || known.endedAt || known.inBackground ? known : await bound.promote(known.id);
}

function requireSame(row: RequestRow, contentHash: Buffer): RequestRow {
  if (!contentHash.equals(row.contentHash)) throw keyReused();
  return row;
}

const keyReused = () =>
  fault("idempotency-key-reused", { detail: "The key stands for another text or processor" });

/** So much earlier than its time is over is the caller told how it stands: a tenth of it, half a second at the most. */
const marginMs = (timeoutMs: number) => Math.min(500, timeoutMs / 10);

/** Undefined: not within that time. */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
