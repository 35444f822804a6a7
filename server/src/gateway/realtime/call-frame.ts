/**
 * Frames of a client, {"id":7,"call":"MessengerService/SendMessage","params":{…}}, and the answers to them. A frame may
 * say to which trace it belongs: {…,"traceparent":"00-…"}.
 */
import type { DescMessage, DescMethodUnary, DescService, JsonValue, Message } from "@bufbuild/protobuf";
import { RealtimeService } from "@parley/api/v2/realtime";
import { parseJsonText } from "#gateway/json/json-decoder.ts";
import { encodeJson } from "#gateway/json/json-encoder.ts";
import { publicServices } from "#gateway/public-services.ts";
import { textFrame } from "#gateway/realtime/text-frame.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export interface CallFrame {
  id: number;
  call: string;
  params: JsonValue;
  /** As the header of that name; one that is malformed counts as none. */
  traceparent: string | undefined;
}

/** A frame that is no call: the client is broken. */
export class BadFrameError extends Error {
  /** Null: not even this could be read. */
  readonly id: number | null;

  constructor(id: number | null, cause: unknown) {
    super("bad frame", { cause });
    this.id = id;
  }
}

const knownKeys = new Set(["id", "call", "params", "traceparent"]);

/** Throws a BadFrameError. */
export function parseCallFrame(text: string): CallFrame {
  const frame = parseObject(text);
  const id = isId(frame.id) ? frame.id : null;
  const problem = problemOf(frame);
  if (problem || id === null) throw new BadFrameError(id, malformed(problem ?? "id must be a whole number"));
  const traceparent = frame.traceparent as string | undefined;
  return { id, call: frame.call as string, params: frame.params ?? {}, traceparent };
}

function parseObject(text: string): Record<string, JsonValue | undefined> {
  let value: JsonValue;
  try {
    value = parseJsonText(text);
  } catch {
    throw new BadFrameError(null, malformed("The frame is not valid JSON"));
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new BadFrameError(null, malformed("The frame is not an object"));
}

const isId = (id: unknown): id is number => Number.isSafeInteger(id) && (id as number) >= 0;

function problemOf(frame: Record<string, JsonValue | undefined>): string | undefined {
  if (!isId(frame.id)) return "id must be a whole number, not negative";
  if (typeof frame.call !== "string") return "call must name a method, e.g. MessengerService/SendMessage";
  if (Object.keys(frame).some((key) => !knownKeys.has(key)))
    return "A frame has id, call, params and traceparent only";
  if (frame.traceparent !== undefined && typeof frame.traceparent !== "string")
    return "traceparent must be a string";
  return undefined;
}

const malformed = (detail: string) => fault("malformed-request", { detail });

const methods: ReadonlyMap<string, DescMethodUnary> = new Map(
  [...publicServices, RealtimeService].flatMap(methodsOf),
);

function methodsOf(service: DescService): [string, DescMethodUnary][] {
  return service.methods.map((method) => [`${service.name}/${method.name}`, method as DescMethodUnary]);
}

/** Throws a BadFrameError. */
export function findMethod({ id, call }: CallFrame): DescMethodUnary {
  const method = methods.get(call);
  if (method) return method;
  throw new BadFrameError(id, fault("route-not-found", { detail: "There is no such method" }));
}

export function resultFrame(id: number, schema: DescMessage, result: Message): Buffer {
  return textFrame(`{"id":${id},"result":${encodeJson(schema, result)}}`);
}

/** traceId: undefined for a frame that is no call. */
export function errorFrame(id: number | null, error: unknown, traceId?: string): Buffer {
  const { code, detail, violations, retryAfterMs } = toPublicError(error);
  const told = {
    code,
    message: detail,
    ...(violations.length > 0 ? { violations } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    traceId,
  };
  return textFrame(JSON.stringify({ id, error: told }));
}
