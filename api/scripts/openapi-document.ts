import {
  type DescField,
  type DescMethod,
  type DescService,
  type FileRegistry,
  getOption,
} from "@bufbuild/protobuf";
import { http } from "../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../gen/google/api/http_pb.js";
import { Access, access, deferrable } from "../gen/parley/v2/options_pb.js";
import { commentOf, firstSentence } from "./comments.ts";
import { bytePaths } from "./openapi-bytes.ts";
import { deferralParameters, deferredResponse } from "./openapi-deferral.ts";
import { type ErrorKinds, errorResponses, problemSchemas } from "./openapi-errors.ts";
import { realtimeText } from "./openapi-realtime.ts";
import {
  createSchemaCollection,
  fieldSchema,
  isRequired,
  type Json,
  messageSchema,
  type SchemaCollection,
} from "./openapi-schemas.ts";

export interface DocumentOptions {
  registry: FileRegistry;
  /** The services of this package are described. */
  packageName: string;
  version: string;
  errorKinds: ErrorKinds;
}

export function openApiDocument(options: DocumentOptions): Json {
  const collection = createSchemaCollection();
  const services = [...options.registry]
    .filter((desc) => desc.kind === "service" && desc.file.proto.package === options.packageName)
    .map((desc) => desc as DescService)
    .sort((a, b) => (a.file.name < b.file.name ? -1 : 1));
  const restServices = services.filter((service) =>
    service.methods.some((method) => bindings(method).length > 0),
  );
  const paths: Record<string, Json> = {};
  for (const service of restServices) {
    for (const method of service.methods) addOperations(paths, method, collection);
  }
  const realtime = services.find((service) => !restServices.includes(service));
  return {
    openapi: "3.1.1",
    info: {
      title: "Parley",
      version: options.version,
      license: { name: "MIT", identifier: "MIT" },
      description: [introduction, realtime ? realtimeText(realtime, collection) : ""].join("\n\n").trim(),
    },
    servers: [{ url: "/" }],
    tags: restServices.map((service) => ({ name: service.name, description: commentOf(service) })),
    paths: { ...paths, ...bytePaths },
    components: {
      schemas: sortKeys({ ...collection.schemas, ...problemSchemas(options.errorKinds) }),
      responses: errorResponses(options.errorKinds),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: bearerText },
        cookie: { type: "apiKey", in: "cookie", name: "parley_access", description: cookieText },
      },
    },
  };
}

const introduction = [
  "A self-hosted messaging backend: accounts, chats, history and realtime delivery.",
  "Every method is served in the same way as REST (described here), over the WebSocket `/v2/ws`, and as gRPC, gRPC-Web and Connect (`/parley.v2.<Service>/<Method>`).",
  "Requests are strict: an unknown field or query parameter is an error. Errors are problem documents (RFC 9457) with a code out of [the error registry](/docs/errors).",
].join("\n\n");
const bearerText = "The `accessToken` of sign-in or refresh.";
const cookieText =
  "Set by sign-in and refresh with `setCookie`; works for pages of Parley's own origin only.";

function bindings(method: DescMethod): HttpRule[] {
  const rule = getOption(method, http);
  return rule.pattern.case ? [rule, ...rule.additionalBindings] : [];
}

function addOperations(paths: Record<string, Json>, method: DescMethod, collection: SchemaCollection) {
  for (const [index, rule] of bindings(method).entries()) {
    if (typeof rule.pattern.value !== "string" || !rule.pattern.case) throw new Error(`${method}: no path`);
    const path = rule.pattern.value.replace(/\{([\w.]+)\}/g, (_, name) => `{${jsonNames(method, name)}}`);
    const operationId = method.localName + (index === 0 ? "" : String(index + 1));
    paths[path] = { ...paths[path], [rule.pattern.case]: operation(method, rule, operationId, collection) };
  }
}

function operation(
  method: DescMethod,
  rule: HttpRule,
  operationId: string,
  collection: SchemaCollection,
): Json {
  const comment = commentOf(method);
  const isDeferrable = getOption(method, deferrable);
  const inPath = [...(rule.pattern.value as string).matchAll(/\{([\w.]+)\}/g)].map(([, name]) => name!);
  const fields = method.input.fields.filter((field) => !inPath.includes(field.name));
  const parameters = [
    ...inPath.map((name) => parameter(lastField(method, name), "path", jsonNames(method, name), collection)),
    ...(rule.body === "" ? fields : []).map((field) => parameter(field, "query", field.jsonName, collection)),
    ...(isDeferrable ? deferralParameters : []),
  ];
  const isPublic = getOption(method, access) === Access.PUBLIC;
  return {
    operationId,
    tags: [method.parent.name],
    summary: comment ? firstSentence(comment) : words(method.name),
    ...(comment ? { description: comment } : {}),
    security: isPublic ? [] : [{ bearer: [] }, { cookie: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(rule.body === "" ? {} : { requestBody: requestBody(method, rule, fields, collection) }),
    responses: {
      200: {
        description: "Done.",
        content: { "application/json": { schema: answerSchema(method, rule, collection) } },
      },
      ...(isDeferrable ? { 202: deferredResponse(answerSchema(method, rule, collection)) } : {}),
      400: { $ref: "#/components/responses/400" },
      ...(isPublic ? {} : { 401: { $ref: "#/components/responses/401" } }),
      429: { $ref: "#/components/responses/429" },
      default: { $ref: "#/components/responses/default" },
    },
  };
}

const words = (name: string) => `${name.replace(/(?<!^)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)}.`;

function parameter(
  field: DescField,
  place: "path" | "query",
  name: string,
  collection: SchemaCollection,
): Json {
  const { description, ...schema } = fieldSchema(field, "request", collection);
  return {
    name,
    in: place,
    required: place === "path" || isRequired(field, "request"),
    ...(description ? { description } : {}),
    schema,
  };
}

function requestBody(
  method: DescMethod,
  rule: HttpRule,
  fields: DescField[],
  collection: SchemaCollection,
): Json {
  const isDeferrable = getOption(method, deferrable);
  const single = rule.body === "*" ? undefined : lastField(method, rule.body);
  const schema = single
    ? fieldSchema(single, "request", collection)
    : messageSchema(method.input, fields, "request", collection);
  const isNeeded = single !== undefined || fields.some((field) => isRequired(field, "request"));
  const example = isDeferrable ? { example: leastRequest(fields) } : {};
  return { required: isNeeded, content: { "application/json": { schema, ...example } } };
}

function answerSchema(method: DescMethod, rule: HttpRule, collection: SchemaCollection): Json {
  if (rule.responseBody === "") return collection.reference(method.output, "response");
  const field = method.output.fields.find((one) => one.name === rule.responseBody);
  if (!field) throw new Error(`${method}: no field ${rule.responseBody}`);
  return fieldSchema(field, "response", collection);
}

function fieldsAlong(method: DescMethod, path: string): DescField[] {
  let message = method.input;
  return path.split(".").map((name) => {
    const field = message.fields.find((one) => one.name === name);
    if (!field) throw new Error(`${method}: no field ${path}`);
    if (field.message) message = field.message;
    return field;
  });
}

const lastField = (method: DescMethod, path: string) => fieldsAlong(method, path).at(-1)!;
const jsonNames = (method: DescMethod, path: string) =>
  fieldsAlong(method, path)
    .map((field) => field.jsonName)
    .join(".");

const sortKeys = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

/** What "Try it out" sends: the fields that say when and how often are in headers already. */
const leastRequest = (fields: DescField[]): Json =>
  Object.fromEntries(
    fields.filter((field) => isRequired(field, "request")).map(({ jsonName }) => [jsonName, "hello"]),
  );
