/** JSON with comments, and where each part of it stands. */
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import {
  formatPath,
  type LocatedProblem,
  type Problem,
  ProvidersFileError,
} from "#dispatch/providers/problem.ts";

export interface Document {
  readonly value: unknown;
  locate(problem: Problem): LocatedProblem;
}

/** What is written instead of the parser's own words. */
const syntaxMessages: Record<string, string> = {
  InvalidSymbol: "is no JSON",
  InvalidNumberFormat: "is no number",
  PropertyNameExpected: "should be the name of a property, in double quotes",
  ValueExpected: "should be a value",
  ColonExpected: "should be a colon",
  CommaExpected: "should be a comma",
  CloseBraceExpected: "should be a closing brace }",
  CloseBracketExpected: "should be a closing bracket ]",
  EndOfFileExpected: "should be the end of the file",
};

const maxBytes = 1_048_576;

/** Throws ProvidersFileError when it is no JSON with comments, or when a property is given twice. */
export function parseDocument(source: string): Document {
  const text = source.replace(/^\uFEFF/, "");
  if (text.length > maxBytes) throw new ProvidersFileError([{ line: 1, column: 1, message: "is too large" }]);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || !root) throw new ProvidersFileError(syntaxProblems(text, errors));
  const repeated = repeatedNames(text, root);
  if (repeated.length > 0) throw new ProvidersFileError(repeated);
  return {
    value: getNodeValue(root),
    locate: (problem) => locate(text, root, problem),
  };
}

function syntaxProblems(text: string, errors: ParseError[]): LocatedProblem[] {
  if (text.trim() === "") return [{ line: 1, column: 1, message: "the file is empty" }];
  return errors.map(({ error, offset, length }) => {
    const name = printParseErrorCode(error);
    const found = text.slice(offset, offset + Math.min(length, 20)) || "the end of the file";
    const shown = found.startsWith('"') || length === 0 ? "this" : `"${found}"`;
    return {
      ...positionOf(text, offset),
      message: `${shown} ${syntaxMessages[name] ?? `is no JSON (${name})`}`,
    };
  });
}

/** Of two values only the last would count. */
function repeatedNames(text: string, node: Node): LocatedProblem[] {
  const names = new Set<string>();
  const own = (node.type === "object" ? (node.children ?? []) : []).flatMap(({ children }) => {
    const key = children?.[0];
    const isRepeated = names.has(key?.value);
    names.add(key?.value);
    if (!key || !isRepeated) return [];
    return [{ ...positionOf(text, key.offset), message: `"${key.value}" is given twice` }];
  });
  return [...own, ...(node.children ?? []).flatMap((child) => repeatedNames(text, child))];
}

function locate(text: string, root: Node, { path, message, isAboutName }: Problem): LocatedProblem {
  const node = findNodeAtLocation(root, [...path]) ?? root;
  const marked = isAboutName ? (node.parent?.children?.[0] ?? node) : node;
  const subject = path.length === 0 ? "the file" : formatPath(path);
  return { ...positionOf(text, marked.offset), message: `${subject} ${message}` };
}

/** Counted from 1, as editors do. */
function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
