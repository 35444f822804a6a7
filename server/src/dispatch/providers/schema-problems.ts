/** Whether a value fits the schema of providers files, in words that help. */

import schema from "@parley/api/schemas/providers.schema.json" with { type: "json" };
import { Ajv2020, type DefinedError } from "ajv/dist/2020.js";
import type { Path, Problem } from "#dispatch/providers/problem.ts";
import { durationExamples } from "#platform/duration.ts";

const validate = new Ajv2020({ allErrors: true, verbose: true }).compile(schema);

export function schemaProblems(value: unknown): Problem[] {
  if (validate(value)) return [];
  return ((validate.errors ?? []) as DefinedError[]).flatMap((error) => problemOf(error, value));
}

const patternMessages: Record<string, string> = {
  [schema.$defs.id.pattern]: "must be 1 to 64 lower-case letters, digits and hyphens",
  [schema.$defs.duration.pattern]: `must be a length of time, such as ${durationExamples}`,
  [schema.properties.currency.pattern]: "must be three capital letters, such as USD",
};

function problemOf(error: DefinedError, value: unknown): Problem[] {
  const path = pathOf(error.instancePath, value);
  const about = (message: string): Problem[] => [{ path, message }];
  switch (error.keyword) {
    // Says only that one of the others was found below it.
    case "if":
      return [];
    case "required":
      return about(`needs "${error.params.missingProperty}"`);
    case "additionalProperties":
      return [unknownProperty([...path, error.params.additionalProperty], error.parentSchema)];
    case "false schema":
      return [{ path, message: "does not go with this kind of quota", isAboutName: true }];
    case "enum":
      return about(`must be one of ${error.params.allowedValues.join(", ")}`);
    case "type":
      return about(`must be ${typeNames[String(error.params.type)] ?? `of type ${error.params.type}`}`);
    case "pattern":
      return about(patternMessages[error.params.pattern] ?? "is not written as it should be");
    case "minimum":
    case "maximum":
      return about(rangeMessage(error.parentSchema as Range));
    case "minItems":
    case "minLength":
      return about("must not be empty");
    case "uniqueItems":
      return about(`has the same twice: [${error.params.j}] and [${error.params.i}]`);
    default:
      return about(error.message ?? "is not valid");
  }
}

const typeNames: Record<string, string> = {
  object: "an object {…}",
  array: "a list […]",
  string: "a string",
  number: "a number",
  integer: "a whole number",
};

interface Range {
  type?: string;
  minimum?: number;
  maximum?: number;
}

const rangeMessage = ({ type, minimum, maximum }: Range) =>
  `must be a ${type === "integer" ? "whole number" : "number"} from ${minimum} to ${maximum}`;

function unknownProperty(path: Path, parentSchema: unknown): Problem {
  const known = Object.keys((parentSchema as { properties?: object }).properties ?? {});
  return { path, message: `is unknown; there are ${known.join(", ")}`, isAboutName: true };
}

/** Of a JSON pointer. Numbers are places only where the value is a list. */
function pathOf(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  let value = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(value) ? Number(name) : name;
    path.push(step);
    value = (value as Record<string | number, unknown>)[step];
  }
  return path;
}
