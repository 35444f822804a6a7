/** The REST routes of the contract: its google.api.http options, checked and made ready for the transcoder. */
import {
  type DescField,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  getOption,
} from "@bufbuild/protobuf";
import { http } from "@parley/api/google/api/annotations";
import type { HttpRule } from "@parley/api/google/api/http";
import { unary } from "#gateway/public-services.ts";

export const httpMethods = ["GET", "PUT", "POST", "DELETE", "PATCH"] as const;
export type HttpMethod = (typeof httpMethods)[number];

export interface RestRoute {
  readonly method: DescMethodUnary;
  readonly httpMethod: HttpMethod;
  /** As in the contract: "/v2/chats/{chat_id}". */
  readonly template: string;
  /** The template's parts between slashes: fixed text, or the field that the part fills (with those on the way to it). */
  readonly segments: readonly (string | readonly DescField[])[];
  /** Which part of the request the body is: all fields that are not in the path, one field, or none. */
  readonly body: "all" | DescField | undefined;
  /** Which part of the response is answered: all, or one field. */
  readonly responseBody: DescField | undefined;
}

/** Throws when a rule cannot be served as it stands. */
export function restRoutes(services: readonly DescService[]): RestRoute[] {
  const routes = services
    .flatMap((service) => service.methods)
    .flatMap((method) => {
      const rule = getOption(method, http);
      if (!rule.pattern.case) return [];
      return [rule, ...rule.additionalBindings].map((binding) => toRoute(unary(method), binding));
    });
  refuseConflicts(routes);
  return routes;
}

function toRoute(method: DescMethodUnary, rule: HttpRule): RestRoute {
  const { case: kind, value: template } = rule.pattern;
  const httpMethod = kind?.toUpperCase() as HttpMethod;
  if (!httpMethods.includes(httpMethod) || typeof template !== "string") {
    throw new Error(`${method}: a REST route needs one of get, put, post, delete, patch`);
  }
  return {
    method,
    httpMethod,
    template,
    segments: parseTemplate(method.input, template),
    body: rule.body === "" ? undefined : rule.body === "*" ? "all" : fieldOf(method.input, rule.body),
    responseBody: rule.responseBody === "" ? undefined : fieldOf(method.output, rule.responseBody),
  };
}

/** Of the template syntax Parley's contract uses fixed text and {field.path}; the rest of it is refused. */
function parseTemplate(input: DescMessage, template: string): RestRoute["segments"] {
  if (!template.startsWith("/")) throw new Error(`${template}: must start with /`);
  return template
    .slice(1)
    .split("/")
    .map((segment) => {
      const variable = /^\{([\w.]+)\}$/.exec(segment)?.[1];
      if (variable) return fieldPath(input, variable);
      if (/[{}*:]/.test(segment)) throw new Error(`${template}: the pattern ${segment} is not supported`);
      return segment;
    });
}

function fieldPath(input: DescMessage, path: string): DescField[] {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const name of path.split(".")) {
    if (!message) throw new Error(`${path}: ${name} is inside of a field that is no message`);
    const field = fieldOf(message, name);
    fields.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  const last = fields.at(-1)!;
  if (last.fieldKind !== "scalar" && last.fieldKind !== "enum")
    throw new Error(`${last}: cannot be in a path`);
  return fields;
}

function fieldOf(message: DescMessage, name: string): DescField {
  const field = message.fields.find((f) => f.name === name);
  if (!field) throw new Error(`${message} has no field ${name}`);
  return field;
}

function refuseConflicts(routes: readonly RestRoute[]) {
  const taken = new Map<string, RestRoute>();
  for (const route of routes) {
    const key = `${route.httpMethod} ${route.segments.map((s) => (typeof s === "string" ? s : "{}")).join("/")}`;
    const other = taken.get(key);
    if (other) throw new Error(`${route.method} and ${other.method} claim the same route: ${key}`);
    taken.set(key, route);
  }
}
