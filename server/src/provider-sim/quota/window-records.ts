/** What a quota has seen in each of its windows, for the ledger; only the latest are kept. */
export interface WindowRecord {
  readonly openedAt: number;
  accepted: number;
  refused: number;
}

const maxWindows = 1_000;

export class WindowRecords {
  readonly #records: WindowRecord[] = [];

  /** The record of the window that began then, which is the latest one or a new one. */
  at(openedAt: number): WindowRecord {
    const latest = this.#records.at(-1);
    if (latest?.openedAt === openedAt) return latest;
    const record = { openedAt, accepted: 0, refused: 0 };
    this.#records.push(record);
    if (this.#records.length > maxWindows) this.#records.shift();
    return record;
  }

  list(): readonly WindowRecord[] {
    return this.#records.map((record) => ({ ...record }));
  }
}
