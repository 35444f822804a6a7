/** The language that most of some texts are written in. */

/** Of one text: an ISO 639-1 code, or empty when it is not certain. */
export type DetectOne = (text: string) => string;

/** Writing that gives its language away. Chinese comes last: Japanese is written with its characters, too. */
const scripts: ReadonlyArray<[language: string, letters: RegExp]> = [
  ["ko", /\p{Script=Hangul}/gu],
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ["th", /\p{Script=Thai}/gu],
  ["el", /\p{Script=Greek}/gu],
  ["hy", /\p{Script=Armenian}/gu],
  ["ka", /\p{Script=Georgian}/gu],
  ["ta", /\p{Script=Tamil}/gu],
  ["zh", /\p{Script=Han}/gu],
];
/** Names and single words of other languages are written among them. */
const scriptShare = 0.3;

/** Libraries are certain of a few messages together, not of "ok". */
const minLetters = 20;
/** What the library looks at of a text, in bytes of UTF-8; most letters have one or two. */
const chunkCharacters = 170;

export function detectLanguage(texts: readonly string[], detectOne: DetectOne): string {
  const all = texts.join("\n");
  return byScript(all) || byVote(chunksOf(texts), detectOne);
}

function byScript(text: string): string {
  const letters = countOf(text, /\p{Letter}/gu);
  if (letters === 0) return "";
  const isWrittenIn = ([, script]: (typeof scripts)[number]) =>
    countOf(text, script) >= letters * scriptShare;
  return scripts.find(isWrittenIn)?.[0] ?? "";
}

/** Each chunk votes, so that one long quotation in another language does not decide. More than half of the votes win. */
function byVote(chunks: readonly string[], detectOne: DetectOne): string {
  const votes = new Map<string, number>();
  let total = 0;
  for (const chunk of chunks) {
    const language = detectOne(chunk);
    if (language === "") continue;
    votes.set(language, (votes.get(language) ?? 0) + 1);
    total++;
  }
  for (const [language, count] of votes) if (count * 2 > total) return language;
  return "";
}

/** Messages side by side, up to about the size that the library looks at; too few letters are none. */
function chunksOf(texts: readonly string[]): string[] {
  const chunks: string[] = [];
  let chunk = "";
  for (const text of texts) {
    if (chunk !== "" && chunk.length + text.length > chunkCharacters) {
      chunks.push(chunk);
      chunk = "";
    }
    chunk = chunk === "" ? text : `${chunk}\n${text}`;
  }
  chunks.push(chunk);
  return chunks.filter((one) => countOf(one, /\p{Letter}/gu) >= minLetters);
}

const countOf = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
