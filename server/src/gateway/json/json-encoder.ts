/**
 * Writes messages as JSON text: the same text as JSON.stringify(toJson(…, { alwaysEmitImplicit: true })) at a third of
 * the cost. Every answer and every pushed event passes here, see docs/decisions/0015-json-encoder.md.
 *
 * For each message type a function is generated that makes a plain object out of a message; V8 writes its text. A type
 * with a field that is not provided for (floats, bytes, 64-bit numbers, well-known types but Timestamp) is left to toJson.
 */
import { type DescField, type DescMessage, type MessageShape, ScalarType, toJson } from "@bufbuild/protobuf";
import { Edition, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { timestampText } from "#gateway/json/timestamp-text.ts";

export function encodeJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return JSON.stringify(converterOf(schema)(message));
}

type Convert = (value: unknown) => unknown;

const converters = new WeakMap<DescMessage, Convert>();

function converterOf(desc: DescMessage): Convert {
  const known = converters.get(desc);
  if (known) return known;
  // A type that contains itself meets its own name while its converter is being made.
  let convert: Convert = () => undefined;
  converters.set(desc, (message) => convert(message));
  convert = makeConverter(desc);
  converters.set(desc, convert);
  return convert;
}

function makeConverter(desc: DescMessage): Convert {
  if (desc.typeName === TimestampSchema.typeName) return timestampText as Convert;
  if (desc.file.edition === Edition.EDITION_PROTO3 && desc.fields.every(isProvidedFor)) return generate(desc);
  return (message) => toJson(desc, message as never, { alwaysEmitImplicit: true });
}

const plainScalars = new Set<ScalarType | undefined>([
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.SINT32,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
]);

function isProvidedFor(field: DescField): boolean {
  if (field.jsonName === "__proto__") return false;
  if (field.message) {
    // Most well-known types are held in a form of their own.
    const { typeName } = field.message;
    return typeName === TimestampSchema.typeName || !typeName.startsWith("google.protobuf.");
  }
  if (field.enum) return field.enum.typeName !== "google.protobuf.NullValue";
  return plainScalars.has(field.scalar);
}

/**
 * An object literal has its final shape from the start, which makes it ten times as fast as setting one property after
 * the other. A property that is undefined is not written. Names are out of the contract, and quoted all the same.
 */
function generate(desc: DescMessage): Convert {
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const properties = fields.map((field, i) => `${JSON.stringify(field.jsonName)}:${valueSource(field, i)}`);
  const converts = fields.map(fieldConverter);
  return new Function("converts", `return (m) => ({${properties.join(",")}})`)(converts);
}

function valueSource(field: DescField, index: number): string {
  const convert = (value: string) => (fieldConverter(field) ? `converts[${index}](${value})` : value);
  const own = `m[${JSON.stringify(field.localName)}]`;
  if (field.oneof) {
    const chosen = `m[${JSON.stringify(field.oneof.localName)}]`;
    return `${chosen}.case===${JSON.stringify(field.localName)}?${convert(`${chosen}.value`)}:undefined`;
  }
  return field.fieldKind === "message" ? `${own}===undefined?undefined:${convert(own)}` : convert(own);
}

/** Undefined: the value is what JSON needs already. */
function fieldConverter(field: DescField): Convert | undefined {
  const convert = field.message ? converterOf(field.message) : field.enum ? enumConverter(field) : undefined;
  if (!convert) return undefined;
  if (field.fieldKind === "list") return (items) => (items as unknown[]).map((item) => convert(item));
  if (field.fieldKind === "map") return (entries) => convertMap(entries as Record<string, unknown>, convert);
  return convert;
}

/** A number that the enum does not name stays as it is. */
function enumConverter({ enum: desc }: DescField): Convert {
  return (value) => desc?.value[value as number]?.jsonName ?? value;
}

function convertMap(entries: Record<string, unknown>, convert: Convert): Record<string, unknown> {
  // Object.fromEntries defines properties, so that a key "__proto__" is one like any other.
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, convert(value)]));
}
