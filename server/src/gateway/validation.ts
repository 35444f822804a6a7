/** The rules of the contract (protovalidate), checked once for every transport before a request goes anywhere. */

import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import type { ConnectError } from "@connectrpc/connect";
import type { FieldProblem } from "#gateway/json/json-problems.ts";
import { findNul } from "#gateway/nul-check.ts";
import { fault } from "#platform/errors.ts";

export type Validate = (schema: DescMessage, request: Message) => void;

/** The returned function throws "invalid-input". */
export function createValidate(): Validate {
  const validator = createValidator();
  const firstOnly = createValidator({ failFast: true });
  return (schema, request) => {
    // To check and list 300,000 items costs a second of everybody's time; that there are too many, nothing.
    if (isCrowded(schema, request)) {
      const first = firstOnly.validate(schema, request);
      if (first.kind === "invalid") throw invalidFields(first.violations.map(toProblem));
    }
    const nul = findNul(schema, request);
    if (nul) throw invalidFields([{ field: nul, message: "must not hold the character U+0000" }]);
    const result = validator.validate(schema, request);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw fault("internal", { cause: result.error });
    throw invalidFields(result.violations.map(toProblem));
  };
}

/** More items than any field of the contract may have. */
const crowd = 2_000;

function isCrowded(schema: DescMessage, request: Message): boolean {
  return schema.fields.some(
    (field) => sizeOf(field, (request as unknown as Record<string, unknown>)[field.localName]) > crowd,
  );
}

function sizeOf({ fieldKind }: DescField, value: unknown): number {
  if (fieldKind === "list") return (value as unknown[]).length;
  return fieldKind === "map" ? Object.keys(value as object).length : 0;
}

const maxViolations = 20;

/** The fault that names what is wrong, field by field. */
export function invalidFields(problems: readonly FieldProblem[], cause?: unknown): ConnectError {
  const violations = problems.slice(0, maxViolations);
  const detail = violations
    .map(({ field, message }) => (field ? `${field}: ${message}` : message))
    .join("; ");
  return fault("invalid-input", { detail: detail || undefined, violations, cause });
}

function toProblem(violation: Violation): FieldProblem {
  return { field: jsonPath(violation.field), message: violation.message };
}

function jsonPath(path: Violation["field"]): string {
  let text = "";
  for (const part of path) {
    if (part.kind === "list_sub") text += `[${part.index}]`;
    else if (part.kind === "map_sub") text += `[${JSON.stringify(part.key)}]`;
    else {
      const name = part.kind === "field" ? part.jsonName : part.name;
      text += text ? `.${name}` : name;
    }
  }
  return text;
}
