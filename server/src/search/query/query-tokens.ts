/** Takes the text of a query apart, without knowing what its parts mean. */

export interface QueryToken {
  /** In lower case; empty: words. */
  operator: string;
  /** What stands behind the operator, or the words; without its quotes. */
  text: string;
  quoted: boolean;
  excluded: boolean;
  /** The text of the query ends with it. */
  last: boolean;
}

const operators = ["from", "in", "before", "after", "has"];
const operatorAt = new RegExp(`(${operators.join("|")}):`, "iy");
const bareAt = /[^\s"]+/y;
/** What telephones and word processors make of quotation marks. */
const otherQuotes = /[\u201c-\u201f\u00ab\u00bb\uff02]/g;
/** Zero-width characters, and those that turn the direction of writing: people do not see them. */
const invisible = /\p{Cf}/gu;
const control = /\p{Cc}/gu;

export function queryTokens(written: string): QueryToken[] {
  const text = readable(written);
  const tokens: QueryToken[] = [];
  for (let at = skipSpace(text, 0); at < text.length; ) {
    const { token, end } = readToken(text, at);
    tokens.push(token);
    at = skipSpace(text, end);
  }
  return tokens;
}

function readable(text: string): string {
  const plain = text.toWellFormed().replace(control, " ").replace(invisible, "").replace(otherQuotes, '"');
  return withoutUnbalancedQuote(plain);
}

/** A quote that is opened and never closed is none: whoever types a phrase sees hits of its words meanwhile. */
function withoutUnbalancedQuote(text: string): string {
  const quotes = text.split('"').length - 1;
  if (quotes % 2 === 0) return text;
  const last = text.lastIndexOf('"');
  return `${text.slice(0, last)} ${text.slice(last + 1)}`;
}

function readToken(text: string, start: number): { token: QueryToken; end: number } {
  const excluded = text[start] === "-";
  const afterSign = excluded ? start + 1 : start;
  operatorAt.lastIndex = afterSign;
  const operator = operatorAt.exec(text)?.[1] ?? "";
  const valueAt = operator === "" ? afterSign : afterSign + operator.length + 1;
  const value = readValue(text, valueAt);
  const { end } = value;
  const token = { operator: operator.toLowerCase(), excluded, last: end === text.length };
  return { token: { ...token, text: value.text, quoted: value.quoted }, end };
}

function readValue(text: string, at: number): { text: string; quoted: boolean; end: number } {
  if (text[at] === '"') {
    const close = text.indexOf('"', at + 1);
    return { text: text.slice(at + 1, close), quoted: true, end: close + 1 };
  }
  bareAt.lastIndex = at;
  const bare = bareAt.exec(text)?.[0] ?? "";
  return { text: bare, quoted: false, end: at + bare.length };
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && /\s/.test(text[at]!)) at += 1;
  return at;
}
