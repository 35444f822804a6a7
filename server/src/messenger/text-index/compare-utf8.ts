/** The order of COLLATE "C": by bytes of UTF-8, which is by code point. JavaScript's own is by UTF-16 unit. */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const difference = rank(one.charCodeAt(index)) - rank(other.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

const firstSurrogate = 0xd800;
const lastSurrogate = 0xdfff;
const afterLastUnit = 0x1_0000;

/** Surrogates stand for what comes after everything that one unit can say. */
const rank = (unit: number): number =>
  unit >= firstSurrogate && unit <= lastSurrogate ? unit + afterLastUnit : unit;
