/** The first outcomes of requests with an id, for a provider that answers repetitions with them. */
export interface Outcome {
  readonly result: string;
  /** Milliseconds since 1970. */
  readonly readyAt: number;
}

const maxOutcomes = 50_000;
const maxChars = 32 * 1024 * 1024;

/** Forgets the oldest ones when there are too many. */
export class ReplayStore {
  readonly #outcomes = new Map<string, Outcome>();
  #chars = 0;

  get = (id: string): Outcome | undefined => this.#outcomes.get(id);

  add(id: string, outcome: Outcome): void {
    this.#outcomes.set(id, outcome);
    this.#chars += outcome.result.length;
    while (this.#outcomes.size > maxOutcomes || this.#chars > maxChars) {
      const [oldest, { result }] = this.#outcomes.entries().next().value as [string, Outcome];
      this.#outcomes.delete(oldest);
      this.#chars -= result.length;
    }
  }
}
