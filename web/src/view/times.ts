/** Dates and times in the reader's own language and zone. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const shortDayAndYear = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export function clockTime(time: string): string {
  return time === "" ? "" : clock.format(new Date(time));
}

export function fullTime(time: string): string {
  return time === "" ? "" : full.format(new Date(time));
}

/** Today the time, else the day. */
export function briefTime(time: string): string {
  if (time === "") return "";
  const date = new Date(time);
  return isSameDay(date, new Date()) ? clock.format(date) : shortDay.format(date);
}

/** Today the time, else the day; of another year with the year. */
export function dateOrTime(time: string): string {
  if (time === "") return "";
  const date = new Date(time);
  return date.getFullYear() === new Date().getFullYear() ? briefTime(time) : shortDayAndYear.format(date);
}

export function dayName(time: string): string {
  const date = new Date(time);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (isSameDay(date, today)) return "Today";
  if (isSameDay(date, yesterday)) return "Yesterday";
  return date.getFullYear() === today.getFullYear() ? day.format(date) : dayAndYear.format(date);
}

export function isSameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}
