const pattern = /^(\d{4}-\d{2}-\d{2})([Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2}))?$/;

/** A date, or a time as in RFC 3339. */
export function isBirthday(text: string): boolean {
  const [, date] = pattern.exec(text) ?? [];
  if (date === undefined || Number.isNaN(Date.parse(text))) return false;
  // JavaScript takes February 30 for March 1.
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}
