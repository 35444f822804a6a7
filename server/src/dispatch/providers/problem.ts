/** What is wrong with a providers file, and where. */

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  /** Completes a sentence that begins with the path. */
  readonly message: string;
  /** The name of the property is wrong, not its value. */
  readonly isAboutName?: boolean;
}

export interface LocatedProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const maxShown = 20;

/** Thrown with all problems at once. */
export class ProvidersFileError extends Error {
  /** In the order of the file. */
  readonly problems: readonly LocatedProblem[];

  constructor(problems: readonly LocatedProblem[]) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const shown = sorted.slice(0, maxShown);
    super(shown.map(({ line, column, message }) => `${line}:${column} ${message}`).join("\n"));
    this.name = "ProvidersFileError";
    this.problems = shown;
  }
}

/** As people write it: providers[0].quotas[1].limit. */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[\w$-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}
