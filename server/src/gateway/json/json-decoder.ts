/** Reads requests from JSON, strictly: what a message does not know is an error, and every error names its field. */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { findJsonProblems } from "#gateway/json/json-problems.ts";
import { invalidFields } from "#gateway/validation.ts";
import { fault } from "#platform/errors.ts";

export function decodeJson<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  try {
    return fromJson(schema, json);
  } catch (error) {
    throw invalidFields(findJsonProblems(schema, json), error);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The JSON value of a request body. */
export function parseJsonBytes(bytes: Uint8Array): JsonValue {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw fault("malformed-request", { detail: "The body is not valid UTF-8", cause: error });
  }
  return parseJsonText(text);
}

export function parseJsonText(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault("malformed-request", { detail: "The body is not valid JSON", cause: error });
  }
}
