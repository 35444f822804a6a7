/** The writes of all requests of a process, gathered: thousands a second become a few statements. */
import type {
  EndedRow,
  NewRow,
  ReleasedRow,
  RequestRow,
  SendingRow,
} from "#dispatch/requests/request-row.ts";
import type { RequestStore } from "#dispatch/requests/store-requests.ts";
import { isTransient } from "#platform/database.ts";
import { createGathered, type Gathered } from "#platform/gathered.ts";

export interface RequestWrites {
  /** When it was added; undefined: the key is taken. */
  readonly add: Gathered<NewRow, Date | undefined>;
  /** Whether it was still this process's. */
  readonly sending: Gathered<SendingRow, boolean>;
  /** As it is now; undefined: it was not this process's any more. */
  readonly ended: Gathered<EndedRow, RequestRow | undefined>;
  readonly release: Gathered<ReleasedRow, void>;
}

const limits = { maxBatch: 500, maxInFlight: 2, maxWaiting: 20_000 };
/** Keeps a statement's parameters far below what PostgreSQL and a round trip can bear. */
const maxBytes = 4_194_304;

export function createRequestWrites(store: RequestStore): RequestWrites {
  return {
    add: createGathered({
      ...limits,
      maxBytes,
      bytesOf: ({ text }) => text.length,
      async run(rows: NewRow[]) {
        const added = await again(() => store.add(rows));
        return rows.map(({ id }) => added.get(id));
      },
    }),
    sending: createGathered({
      ...limits,
      async run(rows: SendingRow[]) {
        const owned = await again(() => store.sending(rows));
        return rows.map(({ id }) => owned.has(id));
      },
    }),
    ended: createGathered({
      ...limits,
      maxBytes,
      bytesOf: ({ result }) => result?.length ?? 0,
      async run(rows: EndedRow[]) {
        const ended = await again(() => store.ended(rows));
        return rows.map(({ id }) => ended.get(id));
      },
    }),
    release: createGathered({
      ...limits,
      async run(rows: ReleasedRow[]) {
        await again(() => store.release(rows));
        return rows.map(() => undefined);
      },
    }),
  };
}

function again<T>(work: () => Promise<T>): Promise<T> {
  return work().catch((error) => {
    if (isTransient(error)) return work();
    throw error;
  });
}
