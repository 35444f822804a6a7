/**
 * Turns an HTTP request into the request message of its method, by the rules of google.api.http: fields come from the
 * path, the query and the body. All three are first put together as JSON, so that one decoder judges them.
 */
import { type DescField, type JsonValue, type Message, ScalarType } from "@bufbuild/protobuf";
import { decodeJson } from "#gateway/json/json-decoder.ts";
import type { RestRoute } from "#gateway/rest/http-rules.ts";
import { parseQuery, type QueryParameter } from "#gateway/rest/query-string.ts";
import { invalidFields } from "#gateway/validation.ts";
import { invalidInput } from "#platform/errors.ts";

export interface RestInput {
  /** Decoded values of the route's variable segments, in their order. */
  pathValues: readonly string[];
  /** What follows the question mark, still encoded. */
  query: string;
  /** The parsed body; undefined: none was sent. */
  body: JsonValue | undefined;
}

type JsonObject = { [key: string]: JsonValue };

/** Throws "invalid-input" or "malformed-request". */
export function readRestRequest(route: RestRoute, input: RestInput): Message {
  const json: JsonObject = bodyAsJson(route, input.body);
  addQuery(route, json, parseQuery(input.query));
  addPath(route, json, input.pathValues);
  return decodeJson(route.method.input, json);
}

function bodyAsJson({ body }: RestRoute, given: JsonValue | undefined): JsonObject {
  if (body !== undefined && body !== "all") return given === undefined ? {} : { [body.jsonName]: given };
  if (given === undefined) return {};
  if (!isObject(given)) throw invalidFields([{ field: "", message: "The body must be an object" }]);
  const unexpected = body === undefined ? Object.keys(given)[0] : undefined;
  if (unexpected !== undefined) throw invalidInput(unexpected.slice(0, 64), "this route takes no body");
  return given;
}

function addQuery(route: RestRoute, json: JsonObject, query: readonly QueryParameter[]) {
  const unknown: string[] = [];
  for (const { name, value } of query) {
    const path = route.body === "all" ? undefined : findField(route, name);
    if (path) place(json, path, value);
    else unknown.push(name);
  }
  if (unknown.length === 0) return;
  const message = "there is no such query parameter";
  throw invalidFields([...new Set(unknown)].map((name) => ({ field: name.slice(0, 64), message })));
}

/** The fields on the way to the one that a query parameter names: "limit", "filter.after". */
function findField(route: RestRoute, name: string): DescField[] | undefined {
  const fields: DescField[] = [];
  let message = route.method.input;
  for (const part of name.split(".")) {
    const field = message?.fields.find((f) => f.jsonName === part || f.name === part);
    if (!field || field === route.body) return undefined;
    fields.push(field);
    message = (field.fieldKind === "message" ? field.message : undefined)!;
  }
  const last = fields.at(-1)!;
  const isInPath = route.segments.some((segment) => typeof segment !== "string" && segment.at(-1) === last);
  return isInPath || !canBeText(last) ? undefined : fields;
}

/** Messages cannot be written as one text, except for times. */
function canBeText(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  return !field.message || field.message.typeName === "google.protobuf.Timestamp";
}

function addPath(route: RestRoute, json: JsonObject, values: readonly string[]) {
  const paths = route.segments.filter((segment) => typeof segment !== "string");
  for (const [index, path] of paths.entries()) {
    const { holder, field } = descend(json, path);
    const value = asJson(field, values[index]!);
    const given = holder[field.jsonName] ?? holder[field.name];
    if (given !== undefined && given !== value) {
      throw invalidInput(field.jsonName, "differs between the path and the body");
    }
    if (field.name !== field.jsonName) delete holder[field.name];
    holder[field.jsonName] = value;
  }
}

function place(json: JsonObject, path: readonly DescField[], text: string) {
  const { holder, field } = descend(json, path);
  const value = asJson(field, text);
  const given = holder[field.jsonName];
  if (field.fieldKind === "list") {
    if (given === undefined) holder[field.jsonName] = [value];
    else (given as JsonValue[]).push(value);
    return;
  }
  if (given !== undefined) throw invalidInput(path.map((f) => f.jsonName).join("."), "is given twice");
  holder[field.jsonName] = value;
}

function descend(json: JsonObject, path: readonly DescField[]): { holder: JsonObject; field: DescField } {
  let holder = json;
  for (const field of path.slice(0, -1)) {
    const next = holder[field.jsonName];
    if (next !== undefined && !isObject(next)) throw invalidInput(field.jsonName, "must be an object");
    const inner = next ?? {};
    holder[field.jsonName] = inner;
    holder = inner;
  }
  return { holder, field: path.at(-1)! };
}

/** The text of a number or a time is valid JSON for its type already; that of a boolean or an enum's number is not. */
function asJson(field: DescField, text: string): JsonValue {
  if (field.enum && /^-?\d{1,10}$/.test(text)) return Number(text);
  if (field.scalar !== ScalarType.BOOL) return text;
  return text === "true" ? true : text === "false" ? false : text;
}

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
