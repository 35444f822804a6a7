import { buildCatalogue, type CatalogueOptions } from "#dispatch/providers/build-catalogue.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { checkFile } from "#dispatch/providers/check-file.ts";
import { parseDocument } from "#dispatch/providers/document.ts";
import { type Problem, ProvidersFileError } from "#dispatch/providers/problem.ts";
import type { ProvidersFile } from "#dispatch/providers/providers-file.ts";
import { schemaProblems } from "#dispatch/providers/schema-problems.ts";

/** Of the text of a providers file. Throws ProvidersFileError with all that is wrong, each with its line and column. */
export function loadCatalogue(text: string, options: CatalogueOptions): Catalogue {
  const document = parseDocument(text);
  const stopAt = (problems: Problem[]) => {
    if (problems.length > 0) throw new ProvidersFileError(problems.map(document.locate));
  };
  stopAt(schemaProblems(document.value));
  const file = document.value as ProvidersFile;
  stopAt(checkFile(file, options.environment));
  return buildCatalogue(file, options);
}
