/** How near a word of a message comes to the one that was asked for: 1 is the word itself. */
export const likeness = { exact: 1, form: 0.85, beginning: 0.75, part: 0.4, near: 0.3 };

/** Words any of which may stand in one place of a message. */
export interface Slot {
  words: Map<string, number>;
  /** Any word that begins so. */
  beginnings: Map<string, number>;
}

/** Places next to each other. */
export type Way = Slot[];

/** A term as messages are searched for it: one of its ways has to be there. */
export interface SoughtTerm {
  ways: Way[];
  excluded: boolean;
  /** Only betters the rank: a word too common to be asked for. */
  optional: boolean;
}

export const slotOf = (...words: string[]): Slot => ({
  words: new Map(words.map((word) => [word, likeness.exact])),
  beginnings: new Map(),
});

/** The best that is known of it stays. */
export function addLike(likes: Map<string, number>, word: string, how: number): void {
  if ((likes.get(word) ?? 0) < how) likes.set(word, how);
}

/** 0: it does not fit. */
export function likenessIn(slot: Slot, word: string): number {
  let best = slot.words.get(word) ?? 0;
  for (const [beginning, how] of slot.beginnings) {
    if (how > best && word.startsWith(beginning)) best = how;
  }
  return best;
}
