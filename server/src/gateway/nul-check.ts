/**
 * PostgreSQL cannot store U+0000 in text, and nobody needs it: it is looked for here, in every string of every
 * request, so that no service has to.
 */
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";

const nul = "\0";

/** The path of the first string that holds U+0000, as in "memberIds[2]"; undefined: none does. */
export function findNul(schema: DescMessage, message: Message): string | undefined {
  return inMessage(schema, message as never, "");
}

function inMessage(
  schema: DescMessage,
  message: Record<string, unknown>,
  prefix: string,
): string | undefined {
  for (const field of schema.fields) {
    if (!field.message && field.scalar !== ScalarType.STRING && field.fieldKind !== "map") continue;
    const value = readField(field, message);
    if (value === undefined || value === "") continue;
    const found = inField(field, value, prefix + field.jsonName);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readField(field: DescField, message: Record<string, unknown>): unknown {
  if (!field.oneof) return message[field.localName];
  const chosen = message[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function inField(field: DescField, value: unknown, path: string): string | undefined {
  if (field.fieldKind === "list") {
    for (const [index, item] of (value as unknown[]).entries()) {
      const found = inSingle(field, item, `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (field.fieldKind === "map") {
    for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
      const found = key.includes(nul) ? path : inSingle(field, item, `${path}[${JSON.stringify(key)}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return inSingle(field, value, path);
}

function inSingle(field: DescField, value: unknown, path: string): string | undefined {
  if (typeof value === "string") return value.includes(nul) ? path : undefined;
  // Well-known types come in forms of their own; of those only what holds text would matter, and requests have none.
  if (!field.message || field.message.typeName.startsWith("google.protobuf.")) return undefined;
  return inMessage(field.message, value as Record<string, unknown>, `${path}.`);
}
