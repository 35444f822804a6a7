import { toJson } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

const year10000 = Date.UTC(10_000, 0) / 1_000;
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
const threeDigits = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, "0"));

let minute = Number.NaN;
let minuteText = "";

/**
 * As in RFC 3339. Times that are written together are mostly of the same minute, so the text up to the minute is kept.
 * What is not to the millisecond, or of another era, is left to protobuf-es, and so is what is out of range.
 */
export function timestampText(timestamp: Timestamp): string {
  const seconds = Number(timestamp.seconds);
  const milliseconds = timestamp.nanos / 1_000_000;
  const digits = threeDigits[milliseconds];
  if (digits === undefined || !(seconds >= 0 && seconds < year10000)) {
    return toJson(TimestampSchema, timestamp);
  }
  const ofMinute = seconds % 60;
  if (seconds - ofMinute !== minute) {
    minute = seconds - ofMinute;
    minuteText = new Date(minute * 1_000).toISOString().slice(0, 17);
  }
  return milliseconds === 0
    ? `${minuteText}${twoDigits[ofMinute]}Z`
    : `${minuteText}${twoDigits[ofMinute]}.${digits}Z`;
}
