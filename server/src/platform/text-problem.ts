/** Why PostgreSQL could not keep this text as it is; undefined when it can. */
export function textProblem(text: string): string | undefined {
  if (text.includes("\0")) return "must not contain U+0000";
  if (!text.isWellFormed()) return "must be valid Unicode";
  return undefined;
}
