/**
 * Words that this process knows to be in the vocabulary, so that it need not say them again. Those not met for long
 * are forgotten, which costs no more than saying them once more.
 */
export interface KnownWords {
  has(word: string): boolean;
  /** Only once the transaction that wrote them was committed. */
  add(words: Iterable<string>): void;
}

/** Two generations: what is met again in the older one moves to the younger one, and the rest goes with it. */
export function createKnownWords(maxWords: number): KnownWords {
  let young = new Set<string>();
  let old = new Set<string>();
  const remember = (word: string) => {
    if (young.size >= maxWords / 2) {
      old = young;
      young = new Set();
    }
    young.add(word);
  };
  return {
    has(word) {
      if (young.has(word)) return true;
      if (!old.has(word)) return false;
      remember(ownCopy(word));
      return true;
    },
    add(words) {
      for (const word of words) remember(ownCopy(word));
    },
  };
}

/** A word cut out of a text may be a view of it, and would keep the whole of the text in memory. */
const ownCopy = (word: string): string => Buffer.from(word).toString();
