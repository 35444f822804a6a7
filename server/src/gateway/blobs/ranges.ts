/** Range requests (RFC 9110, 14): which parts of how many bytes. */

/** Bytes from start on; never empty. */
export interface Span {
  start: number;
  length: number;
}

/** More are not worth the answer's overhead, and the whole is sent instead. */
const maxRanges = 16;
const oneRange = /^(?:(\d+)-(\d*)|-(\d+))$/;

/** "whole": the header does not count, or asks for everything; "none": nothing that it asks for is there. */
export function spansOf(header: string | undefined, size: number): "whole" | "none" | Span[] {
  const [, list] = /^bytes[ \t]*=(.*)$/i.exec(header ?? "") ?? [];
  if (list === undefined) return "whole";
  const specs = list
    .split(",")
    .map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > maxRanges) return "whole";
  const spans: Span[] = [];
  for (const spec of specs) {
    const span = spanOf(spec, size);
    if (span === "malformed") return "whole";
    if (span) spans.push(span);
  }
  // Of nothing even the last bytes are the whole, which Content-Range cannot say.
  if (size === 0 && specs.some((spec) => /^-0*[1-9]/.test(spec))) return "whole";
  return spans.length === 0 ? "none" : coalesce(spans);
}

function spanOf(spec: string, size: number): Span | undefined | "malformed" {
  const [whole, first, last, suffix] = oneRange.exec(spec) ?? [];
  if (whole === undefined) return "malformed";
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? undefined : { start: size - length, length };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return "malformed";
  return start >= size ? undefined : { start, length: end - start + 1 };
}

/** Those that overlap or touch become one, in the place of the first of them: nobody gets a byte twice. */
function coalesce(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    let grown = span;
    let place = joined.length;
    for (let index = joined.length - 1; index >= 0; index -= 1) {
      const other = joined[index]!;
      if (other.start > grown.start + grown.length || grown.start > other.start + other.length) continue;
      const start = Math.min(other.start, grown.start);
      const end = Math.max(other.start + other.length, grown.start + grown.length);
      grown = { start, length: end - start };
      joined.splice(index, 1);
      place = index;
    }
    joined.splice(place, 0, grown);
  }
  return joined;
}

export function contentRange({ start, length }: Span, size: number): string {
  return `bytes ${start}-${start + length - 1}/${size}`;
}
