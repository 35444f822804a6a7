/** Messages as JSON Schema (2020-12): their JSON mapping plus the protovalidate rules of their fields. */
import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import type { FieldRules, RepeatedRules, StringRules } from "../gen/buf/validate/validate_pb.js";
import { field as fieldRules, Ignore, message as messageRules } from "../gen/buf/validate/validate_pb.js";
import { commentOf } from "./comments.ts";

export type Json = Record<string, unknown>;

const timestamp = "google.protobuf.Timestamp";
const maxUint32 = 4_294_967_295;

export interface SchemaCollection {
  /** A reference to the schema of the message, which is added to the collection with all that it needs. */
  reference(message: DescMessage, use: Use): Json;
  readonly schemas: Record<string, Json>;
}

/** In answers every field without presence is there; in requests only what must be given is required. */
export type Use = "request" | "response";

export function createSchemaCollection(): SchemaCollection {
  const schemas: Record<string, Json> = {};
  const collection: SchemaCollection = {
    schemas,
    reference(message, use) {
      if (message.typeName === timestamp) return { type: "string", format: "date-time" };
      if (!schemas[message.name]) {
        // Taken before its fields are looked at: a message may contain itself.
        schemas[message.name] = {};
        schemas[message.name] = messageSchema(message, message.fields, use, collection);
      }
      return { $ref: `#/components/schemas/${message.name}` };
    },
  };
  return collection;
}

/** The schema of a message with only some of its fields. */
export function messageSchema(
  message: DescMessage,
  fields: readonly DescField[],
  use: Use,
  collection: SchemaCollection,
): Json {
  const required = fields.filter((field) => isRequired(field, use)).map((field) => field.jsonName);
  const rules = getOption(message, messageRules).cel.map((rule) => rule.message);
  const description = [commentOf(message), ...rules.map(sentence)].filter(Boolean).join("\n\n");
  return {
    type: "object",
    ...(description ? { description } : {}),
    properties: Object.fromEntries(
      fields.map((field) => [field.jsonName, fieldSchema(field, use, collection)]),
    ),
    ...(required.length > 0 ? { required } : {}),
    ...(use === "request" ? { additionalProperties: false } : {}),
  };
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export function isRequired(field: DescField, use: Use): boolean {
  const hasPresence =
    field.fieldKind === "message" || field.proto.proto3Optional || field.oneof !== undefined;
  if (use === "response") return !hasPresence;
  const rules = rulesOf(field);
  if (rules?.required) return true;
  if (hasPresence || !rules || rules.ignore === Ignore.IF_ZERO_VALUE) return false;
  if (rules.type.case === "repeated") return rules.type.value.minItems > 0n;
  if (rules.type.case !== "string") return false;
  const { minLen, wellKnown, in: choices } = rules.type.value;
  return minLen > 0n || wellKnown.case !== undefined || (choices.length > 0 && !choices.includes(""));
}

export function fieldSchema(field: DescField, use: Use, collection: SchemaCollection): Json {
  const comment = commentOf(field);
  const schema = valueSchema(field, use, collection);
  const maxBytes = stringRules(rulesOf(field))?.maxBytes ?? 0n;
  const description = [comment, maxBytes > 0n ? `At most ${maxBytes} bytes of UTF-8.` : ""]
    .filter(Boolean)
    .join(" ");
  return description ? { ...schema, description } : schema;
}

function valueSchema(field: DescField, use: Use, collection: SchemaCollection): Json {
  const rules = rulesOf(field);
  if (field.fieldKind === "list") {
    const own = rules?.type.case === "repeated" ? rules.type.value : undefined;
    return { type: "array", items: singleSchema(field, own?.items, use, collection), ...listLimits(own) };
  }
  if (field.fieldKind === "map") {
    const own = rules?.type.case === "map" ? rules.type.value : undefined;
    return {
      type: "object",
      additionalProperties: singleSchema(field, own?.values, use, collection),
      ...(own?.keys ? { propertyNames: stringLimits(stringRules(own.keys)) } : {}),
      ...(own?.maxPairs ? { maxProperties: Number(own.maxPairs) } : {}),
    };
  }
  return singleSchema(field, rules, use, collection);
}

function singleSchema(
  field: DescField,
  rules: FieldRules | undefined,
  use: Use,
  collection: SchemaCollection,
): Json {
  if (field.message) return collection.reference(field.message, use);
  if (field.enum) return { type: "string", enum: field.enum.values.map((value) => value.jsonName) };
  switch (field.scalar) {
    case ScalarType.STRING:
      return { type: "string", ...stringLimits(stringRules(rules)) };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.UINT32: {
      const limit = rules?.type.case === "uint32" ? rules.type.value.lessThan : undefined;
      return { type: "integer", minimum: 0, maximum: limit?.case === "lte" ? limit.value : maxUint32 };
    }
    case ScalarType.DOUBLE:
      return { type: "number" };
    default:
      // Parley's contract uses no others; one that appears must be given its mapping here.
      throw new Error(`${field}: no JSON Schema for this type`);
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

function stringRules(rules: FieldRules | undefined): StringRules | undefined {
  return rules?.type.case === "string" ? rules.type.value : undefined;
}

function stringLimits(rules: StringRules | undefined): Json {
  if (!rules) return {};
  const format = rules.wellKnown.case;
  return {
    ...(rules.minLen > 0n ? { minLength: Number(rules.minLen) } : {}),
    ...(rules.maxLen > 0n ? { maxLength: Number(rules.maxLen) } : {}),
    ...(format === "uuid" || format === "email" ? { format } : {}),
    ...(rules.in.length > 0 ? { enum: rules.in } : {}),
  };
}

function listLimits(rules: RepeatedRules | undefined): Json {
  if (!rules) return {};
  return {
    ...(rules.minItems > 0n ? { minItems: Number(rules.minItems) } : {}),
    ...(rules.maxItems > 0n ? { maxItems: Number(rules.maxItems) } : {}),
    ...(rules.unique ? { uniqueItems: true } : {}),
  };
}
