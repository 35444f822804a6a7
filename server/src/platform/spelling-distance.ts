/** Kept from call to call: words are compared by the ten thousand. */
let letters = { one: new Uint32Array(64), other: new Uint32Array(64) };
let rows = [new Uint16Array(65), new Uint16Array(65), new Uint16Array(65)] as const;

/**
 * How many letters two words differ by: added, left out, replaced, or two next to each other swapped (the restricted
 * Damerau-Levenshtein distance). `most + 1` when it is more than `most`.
 */
export function spellingDistance(one: string, other: string, most: number): number {
  if (Math.max(one.length, other.length) > letters.one.length) grow(Math.max(one.length, other.length));
  const { one: a, other: b } = letters;
  const height = readLetters(one, a);
  const width = readLetters(other, b);
  if (Math.abs(height - width) > most) return most + 1;
  let [beforeLast, last, current] = rows;
  for (let column = 0; column <= width; column++) last[column] = column;
  let lastBest = 0;
  for (let row = 1; row <= height; row++) {
    const letter = a[row - 1]!;
    current[0] = row;
    let best = row;
    for (let column = 1; column <= width; column++) {
      let cost = last[column - 1]! + (letter === b[column - 1] ? 0 : 1);
      if (current[column - 1]! + 1 < cost) cost = current[column - 1]! + 1;
      if (last[column]! + 1 < cost) cost = last[column]! + 1;
      if (row > 1 && column > 1 && letter === b[column - 2] && a[row - 2] === b[column - 1]) {
        if (beforeLast[column - 2]! + 1 < cost) cost = beforeLast[column - 2]! + 1;
      }
      current[column] = cost;
      if (cost < best) best = cost;
    }
    // A swap looks two rows back, and costs no less than the row between them.
    if (best > most && lastBest > most) return most + 1;
    lastBest = best;
    [beforeLast, last, current] = [last, current, beforeLast];
  }
  return Math.min(last[width]!, most + 1);
}

/** By code point; answers how many there are. */
function readLetters(text: string, into: Uint32Array): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const letter = text.codePointAt(index)!;
    if (letter > 0xffff) index++;
    into[count++] = letter;
  }
  return count;
}

function grow(length: number): void {
  letters = { one: new Uint32Array(length), other: new Uint32Array(length) };
  rows = [new Uint16Array(length + 1), new Uint16Array(length + 1), new Uint16Array(length + 1)];
}
