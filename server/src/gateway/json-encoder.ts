/**
 * Writes messages as JSON text: the same text as JSON.stringify(toJson(…, { alwaysEmitImplicit: true })) at half the
 * cost. Every answer and every pushed event passes here, see docs/decisions/0006-json-encoder.md.
 *
 * A converter to plain objects is compiled once per message type; V8 writes their text. A type with a field that the
 * converters here do not know (floats, bytes, 64-bit numbers, well-known types but Timestamp) is left to toJson.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

export function encodeJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return JSON.stringify(converterOf(schema)(message));
}

type Convert = (value: unknown) => unknown;
type ConvertField = (message: Record<string, unknown>, json: Record<string, unknown>) => void;

const converters = new WeakMap<DescMessage, Convert>();

function converterOf(desc: DescMessage): Convert {
  return converters.get(desc) ?? compileMessage(desc);
}

function compileMessage(desc: DescMessage): Convert {
  if (desc.typeName === TimestampSchema.typeName) return remember(desc, convertTimestamp);
  if (!desc.fields.every(isKnown)) return remember(desc, (message) => byLibrary(desc, message));
  const fields: ConvertField[] = [];
  // Remembered before its fields are compiled, so that a type that contains itself finds its converter.
  const convert = remember(desc, (message) => {
    const json = {};
    for (let i = 0; i < fields.length; i++) fields[i]!(message as never, json);
    return json;
  });
  fields.push(...desc.fields.toSorted((a, b) => a.number - b.number).map(compileField));
  return convert;
}

function remember(desc: DescMessage, convert: Convert): Convert {
  converters.set(desc, convert);
  return convert;
}

const byLibrary = (desc: DescMessage, message: unknown) =>
  toJson(desc, message as never, { alwaysEmitImplicit: true });

const knownScalars = new Set<ScalarType | undefined>([
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.SINT32,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
]);

/** google.protobuf.FeatureSet.FieldPresence */
const presence = { implicit: 2, legacyRequired: 3 };

function isKnown(field: DescField): boolean {
  if ((field.presence as number) === presence.legacyRequired || field.jsonName === "__proto__") return false;
  if (field.message) {
    // Most well-known types are held in a form of their own.
    const { typeName } = field.message;
    return typeName === TimestampSchema.typeName || !typeName.startsWith("google.protobuf.");
  }
  if (field.enum) return field.enum.typeName !== "google.protobuf.NullValue";
  return knownScalars.has(field.scalar);
}

function compileField(field: DescField): ConvertField {
  const { jsonName, localName } = field;
  const convert = compileValue(field);
  if (field.oneof) {
    const oneofName = field.oneof.localName;
    return (message, json) => {
      const chosen = message[oneofName] as { case?: string; value?: unknown };
      if (chosen.case === localName) json[jsonName] = convert ? convert(chosen.value) : chosen.value;
    };
  }
  const isAlwaysSet = field.fieldKind === "list" || field.fieldKind === "map";
  if (isAlwaysSet || (field.presence as number) === presence.implicit) {
    return (message, json) => {
      json[jsonName] = convert ? convert(message[localName]) : message[localName];
    };
  }
  return (message, json) => {
    const value = message[localName];
    if (value === undefined || !Object.hasOwn(message, localName)) return;
    json[jsonName] = convert ? convert(value) : value;
  };
}

/** Undefined: the value is what JSON needs already. */
function compileValue(field: DescField): Convert | undefined {
  const convert = compileSingle(field);
  if (!convert) return undefined;
  if (field.fieldKind === "list") return (items) => (items as unknown[]).map((item) => convert(item));
  if (field.fieldKind === "map") return (entries) => convertMap(entries as Record<string, unknown>, convert);
  return convert;
}

function compileSingle(field: DescField): Convert | undefined {
  if (field.message) return converterOf(field.message);
  return field.enum ? compileEnum(field.enum) : undefined;
}

/** A number that the enum does not name stays as it is. */
function compileEnum(desc: DescEnum): Convert {
  return (value) => desc.value[value as number]?.jsonName ?? value;
}

function convertMap(entries: Record<string, unknown>, convert: Convert): Record<string, unknown> {
  // Object.fromEntries defines properties, so that a key "__proto__" is one like any other.
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, convert(value)]));
}

const secondsPerDay = 86_400;
const year10000 = Date.UTC(10_000, 0) / 1_000;
let day = Number.NaN;
let dayText = "";

/** RFC 3339. The date of the day written last is kept: most times in one answer are of the same day. */
function convertTimestamp(value: unknown): unknown {
  const { seconds: bigSeconds, nanos } = value as Timestamp;
  const seconds = Number(bigSeconds);
  const milliseconds = nanos / 1_000_000;
  const isPlain = seconds >= 0 && seconds < year10000 && nanos >= 0 && Number.isInteger(milliseconds);
  if (!isPlain || milliseconds > 999) return byLibrary(TimestampSchema, value);
  const ofDay = seconds % secondsPerDay;
  if (seconds - ofDay !== day) {
    day = seconds - ofDay;
    dayText = new Date(day * 1_000).toISOString().slice(0, 11);
  }
  const time = `${twoDigits(Math.trunc(ofDay / 3_600))}:${twoDigits(Math.trunc(ofDay / 60) % 60)}:${twoDigits(ofDay % 60)}`;
  return milliseconds === 0 ? `${dayText}${time}Z` : `${dayText}${time}.${threeDigits(milliseconds)}Z`;
}

const twoDigits = (n: number) => (n < 10 ? `0${n}` : `${n}`);
const threeDigits = (n: number) => `${n}`.padStart(3, "0");
