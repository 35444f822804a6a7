/**
 * Says where JSON does not fit a message, field by field. protobuf-es stops at the first error and does not tell where
 * in a nested message it is; so once it has failed, and only then, the JSON is walked along the schema.
 */
import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";

export interface FieldProblem {
  /** As in ErrorInfo: "text", "memberIds[2]"; empty for the request as a whole. */
  field: string;
  message: string;
}

/** Bounds what a hostile request can cost: so many problems are listed, so many list items looked at. */
const maxProblems = 20;
const maxItems = 1_000;

export function findJsonProblems(schema: DescMessage, json: JsonValue): FieldProblem[] {
  const problems: FieldProblem[] = [];
  collect(schema, json, "", problems);
  return problems;
}

function collect(schema: DescMessage, json: JsonValue, path: string, problems: FieldProblem[]) {
  if (schema.typeName.startsWith("google.protobuf.")) {
    problems.push({ field: path, message: `must be ${wellKnown(schema.typeName)}` });
    return;
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    problems.push({ field: path, message: "must be an object" });
    return;
  }
  const seen = new Set<DescField>();
  for (const [key, value] of Object.entries(json)) {
    if (problems.length >= maxProblems) return;
    const field = schema.fields.find((f) => f.jsonName === key || f.name === key);
    const at = path ? `${path}.${field?.jsonName ?? shown(key)}` : (field?.jsonName ?? shown(key));
    if (!field) problems.push({ field: at, message: "there is no such field" });
    else if (seen.has(field)) problems.push({ field: at, message: "is given twice" });
    else if (!fits(schema, field, value)) collectInField(field, value, at, problems);
    if (field) seen.add(field);
  }
}

function collectInField(field: DescField, value: JsonValue, path: string, problems: FieldProblem[]) {
  const before = problems.length;
  if (field.fieldKind === "list" && Array.isArray(value)) {
    for (const [index, item] of value.slice(0, maxItems).entries()) {
      if (problems.length >= maxProblems) return;
      if (!fits(field.parent, field, [item])) collectInSingle(field, item, `${path}[${index}]`, problems);
    }
  } else if (field.fieldKind === "map" && isObject(value)) {
    for (const [key, item] of Object.entries(value).slice(0, maxItems)) {
      if (problems.length >= maxProblems) return;
      const at = `${path}[${JSON.stringify(shown(key))}]`;
      if (!fits(field.parent, field, { [key]: item })) collectInSingle(field, item, at, problems);
    }
  } else if (field.fieldKind === "list" || field.fieldKind === "map") {
    problems.push({
      field: path,
      message: field.fieldKind === "list" ? "must be an array" : "must be an object",
    });
  } else {
    collectInSingle(field, value, path, problems);
  }
  // A bad item beyond those looked at.
  if (problems.length === before) problems.push({ field: path, message: "has an item that is not valid" });
}

function collectInSingle(field: DescField, value: JsonValue, path: string, problems: FieldProblem[]) {
  if (field.message && value !== null) collect(field.message, value, path, problems);
  else problems.push({ field: path, message: `must be ${expected(field)}` });
}

/** Whether the field alone can be read. */
function fits(schema: DescMessage, field: DescField, value: JsonValue): boolean {
  try {
    fromJson(schema, { [field.jsonName]: value });
    return true;
  } catch {
    return false;
  }
}

const isObject = (value: JsonValue): value is { [key: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A caller's own key in an answer: not more of it than is needed to find it. */
const shown = (key: string) => (key.length > 64 ? `${key.slice(0, 64)}…` : key);

function expected(field: DescField): string {
  if (field.enum) return `one of ${field.enum.values.map((value) => value.jsonName).join(", ")}`;
  if (field.message) return wellKnown(field.message.typeName);
  return scalars[field.scalar ?? ScalarType.STRING] ?? "a whole number in range";
}

const scalars: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "a string of valid Unicode",
  [ScalarType.BOOL]: "true or false",
  [ScalarType.BYTES]: "base64",
  [ScalarType.DOUBLE]: "a number",
  [ScalarType.FLOAT]: "a number",
  [ScalarType.UINT32]: "a whole number from 0 to 4294967295",
  [ScalarType.INT32]: "a whole number from -2147483648 to 2147483647",
};

function wellKnown(typeName: string): string {
  return typeName === "google.protobuf.Timestamp" ? "a time as in RFC 3339" : `a ${typeName}`;
}
