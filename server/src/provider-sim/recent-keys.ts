import { hash } from "node:crypto";

const maxInGeneration = 100_000;
/** Longer ones are remembered by their hash. */
const maxPlainChars = 64;

/** Remembers which keys it has seen, 100,000 of them at least; older ones are forgotten. */
export class RecentKeys {
  #current = new Set<string>();
  #previous = new Set<string>();

  /** True: seen before. */
  sees(key: string): boolean {
    const short = key.length <= maxPlainChars ? key : hash("sha1", key);
    if (this.#current.has(short)) return true;
    const isKnown = this.#previous.has(short);
    if (this.#current.size >= maxInGeneration) {
      this.#previous = this.#current;
      this.#current = new Set();
    }
    this.#current.add(short);
    return isKnown;
  }
}
