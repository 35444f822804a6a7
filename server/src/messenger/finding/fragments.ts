/** Pieces of a text around its matches, for showing them. */
import type { SearchFragment, SearchFragmentPart } from "@parley/api/v2/search";
import type { Word } from "#messenger/text-index/words-of.ts";

type Span = Pick<Word, "start" | "end">;

const maxFragments = 3;
const fragmentLength = 120;
/** How far a cut moves for the sake of a whole word. */
const maxWordLength = 40;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export function fragmentsOf(text: string, matches: readonly Span[]): SearchFragment[] {
  return windowsAround(text, matches).map((window) => ({
    $typeName: "parley.v2.SearchFragment",
    parts: partsOf(text, window, matches),
  }));
}

/** In the order of the text, apart from each other. */
function windowsAround(text: string, matches: readonly Span[]): Span[] {
  const windows: Span[] = [];
  for (let index = 0; index < matches.length && windows.length < maxFragments; ) {
    const first = matches[index]!;
    let last = first;
    while (index < matches.length && matches[index]!.end - first.start <= fragmentLength)
      last = matches[index++]!;
    // A match longer than a fragment is one of its own.
    if (last === first) index = Math.max(index, matches.indexOf(first) + 1);
    const room = Math.max(0, fragmentLength - (last.end - first.start));
    const start = cutBefore(text, first.start - Math.ceil(room / 2), first.start);
    const end = cutAfter(text, last.end + Math.floor(room / 2), last.end);
    const previous = windows.at(-1);
    if (previous && start <= previous.end) previous.end = Math.max(previous.end, end);
    else windows.push({ start, end });
  }
  return windows;
}

/** The first border of a word from `wanted` on, but at `latest` at the latest. */
function cutBefore(text: string, wanted: number, latest: number): number {
  if (wanted <= 0) return 0;
  const border = /\s/.exec(text.slice(wanted - 1, Math.min(latest, wanted + maxWordLength)));
  return border ? skipSpace(text, wanted - 1 + border.index, latest) : clusterBorder(text, wanted, latest);
}

function skipSpace(text: string, from: number, latest: number): number {
  let at = from;
  while (at < latest && /\s/.test(text[at]!)) at += 1;
  return at;
}

/** The last border of a word up to `wanted`, but at `earliest` at the earliest. */
function cutAfter(text: string, wanted: number, earliest: number): number {
  if (wanted >= text.length) return text.length;
  const from = Math.max(earliest, wanted - maxWordLength);
  const border = /\s+\S*$/.exec(text.slice(from, wanted + 1));
  return border ? from + border.index : clusterBorder(text, wanted, earliest);
}

/** Where no space is near: the border of a grapheme cluster next to `wanted`, on the side of `match`. */
function clusterBorder(text: string, wanted: number, match: number): number {
  const [from, to] = wanted < match ? [wanted, match] : [match, wanted];
  // Clusters are told apart from the match on when it is before, else from somewhat further back.
  const start = wanted < match ? Math.max(0, from - maxWordLength) : from;
  let border = wanted < match ? to : from;
  for (const { index, segment } of graphemes.segment(text.slice(start, to + maxWordLength))) {
    const begins = start + index;
    if (wanted < match && begins >= wanted) return Math.min(begins, match);
    if (wanted > match && begins + segment.length <= wanted) border = begins + segment.length;
    if (begins > wanted) break;
  }
  return border;
}

function partsOf(text: string, { start, end }: Span, matches: readonly Span[]): SearchFragmentPart[] {
  const parts: SearchFragmentPart[] = [];
  const add = (from: number, to: number, match: boolean) => {
    if (from < to)
      parts.push({ $typeName: "parley.v2.SearchFragmentPart", text: text.slice(from, to), match });
  };
  let at = start;
  for (const match of matches) {
    if (match.start < at || match.end > end) continue;
    add(at, match.start, false);
    add(match.start, match.end, true);
    at = match.end;
  }
  add(at, end, false);
  return parts;
}
