/** Terms as PostgreSQL's tsquery. Every word is a quoted lexeme: nothing that was asked for is ever read as syntax. */
import type { SoughtTerm, Way } from "#messenger/finding/likeness.ts";

const quoted = (lexeme: string) => `'${lexeme.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

export const anyOf = (lexemes: readonly string[]): string => group(lexemes.map(quoted), " | ");

/** Undefined: it asks for nothing. */
export function allOf(conditions: readonly string[]): string | undefined {
  return conditions.length === 0 ? undefined : conditions.join(" & ");
}

export function termCondition({ ways, excluded }: SoughtTerm): string {
  const condition = group(ways.map(wayCondition), " | ");
  return excluded ? `!${condition}` : condition;
}

function wayCondition(way: Way): string {
  const places = way.map(({ words, beginnings }) => {
    const begun = [...beginnings.keys()];
    // A word that a beginning covers need not be named.
    const named = [...words.keys()].filter((word) => !begun.some((beginning) => word.startsWith(beginning)));
    return group([...named.map(quoted), ...begun.map((beginning) => `${quoted(beginning)}:*`)], " | ");
  });
  return group(places, " <-> ");
}

const group = (parts: readonly string[], operator: string) =>
  parts.length === 1 ? parts[0]! : `(${parts.join(operator)})`;
