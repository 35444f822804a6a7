/** Reads the bodies of REST requests: JSON in UTF-8, nothing else. */
import type { JsonValue } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { parseJsonBytes } from "#gateway/json/json-decoder.ts";
import { fault } from "#platform/errors.ts";

/** Leaves every body as the bytes it is; the content type is judged by restBody. */
export function keepBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
}

const jsonType = /^application\/json *(?:; *charset *= *"?utf-8"? *)?$/i;

/** Undefined when no body was sent. Throws "unsupported-media-type" or "malformed-request". */
export function restBody(request: FastifyRequest): JsonValue | undefined {
  const bytes = request.body as Buffer | undefined;
  if (bytes === undefined || bytes.length === 0) return undefined;
  const { "content-type": type = "", "content-encoding": encoding } = request.headers;
  if (!jsonType.test(type)) {
    throw fault("unsupported-media-type", { detail: "The content type must be application/json" });
  }
  if (encoding !== undefined && encoding !== "identity") {
    throw fault("unsupported-media-type", { detail: "The body must not be compressed" });
  }
  return parseJsonBytes(bytes);
}
