/** Terms as PostgreSQL's tsquery. Every word is a quoted lexeme: nothing that was asked for is ever read as syntax. */
import { addLike, type Slot, type SoughtTerm, type Way } from "#messenger/finding/likeness.ts";

const quoted = (lexeme: string) => `'${lexeme.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

export const anyOf = (lexemes: readonly string[]): string => group(lexemes.map(quoted), " | ");

/** Undefined: it asks for nothing. */
export function allOf(conditions: readonly string[]): string | undefined {
  return conditions.length === 0 ? undefined : conditions.join(" & ");
}

export function termCondition({ ways, excluded }: SoughtTerm): string {
  const condition = group([...new Set(joinSingles(ways).map(wayCondition))], " | ");
  return excluded ? `!${condition}` : condition;
}

/** Ways of a single place are one place in which any of their words may stand. */
export function joinSingles(ways: readonly Way[]): Way[] {
  const singles = ways.flatMap((way) => (way.length === 1 ? way : []));
  if (singles.length < 2) return [...ways];
  const joined: Slot = { words: new Map(), beginnings: new Map() };
  for (const { words, beginnings } of singles) {
    for (const [word, how] of words) addLike(joined.words, word, how);
    for (const [beginning, how] of beginnings) addLike(joined.beginnings, beginning, how);
  }
  return [[joined], ...ways.filter((way) => way.length > 1)];
}

/** Words that no beginning covers: the others need not be named. */
export function uncoveredWords({ words, beginnings }: Slot): string[] {
  const begun = [...beginnings.keys()];
  return [...words.keys()].filter((word) => !begun.some((beginning) => word.startsWith(beginning)));
}

function wayCondition(way: Way): string {
  const places = way.map((slot) => {
    const begun = [...slot.beginnings.keys()].map((beginning) => `${quoted(beginning)}:*`);
    return group([...uncoveredWords(slot).map(quoted), ...begun], " | ");
  });
  return group(places, " <-> ");
}

const group = (parts: readonly string[], operator: string) =>
  parts.length === 1 ? parts[0]! : `(${parts.join(operator)})`;
