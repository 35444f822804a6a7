/**
 * What REST adds for methods whose outcome may come later than the answer (option parley.v2.deferrable): the request
 * headers Idempotency-Key and Prefer, and 202 with the place where the outcome will be found.
 */
import type { Message } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { RestRoute } from "#gateway/rest/http-rules.ts";
import { readIdempotencyKey } from "#gateway/rest/idempotency-key.ts";
import { prefersAsync } from "#gateway/rest/prefer.ts";
import { isDeferrable } from "#platform/deferrable.ts";
import { invalidInput } from "#platform/errors.ts";

export interface Deferral {
  /** Puts what the headers say into the message. Throws "invalid-input". */
  readHeaders(request: FastifyRequest, message: Message): void;
  /** Sets the answer's status and headers. */
  writeHeaders(request: FastifyRequest, reply: FastifyReply, answer: Message): void;
}

type DeferrableRequest = Message & { idempotencyKey: string; respondAsync: boolean };
type DeferrableAnswer = Message & { id: string; status: string };

const unfinished: ReadonlySet<string> = new Set(["waiting", "running"]);
/** A client that polls sees the outcome soon enough; one in a hurry is told by its socket. */
const retryAfterS = 1;

/** Undefined for other methods. Throws when the contract's messages and routes are not fit for it. */
export function deferralOf(route: RestRoute, routes: readonly RestRoute[]): Deferral | undefined {
  if (!isDeferrable(route.method)) return undefined;
  requireFields(route);
  const locationOf = outcomeLocation(route, routes);
  return {
    readHeaders(request, message) {
      const deferrable = message as DeferrableRequest;
      if (request.headers["idempotency-key"] !== undefined) {
        const key = readIdempotencyKey(request.raw.headersDistinct["idempotency-key"]!);
        if (deferrable.idempotencyKey !== "" && deferrable.idempotencyKey !== key)
          throw invalidInput("idempotencyKey", "differs between the header and the body");
        deferrable.idempotencyKey = key;
      }
      if (prefersAsync(request.headers.prefer)) deferrable.respondAsync = true;
    },
    writeHeaders(request, reply, answer) {
      if (prefersAsync(request.headers.prefer)) reply.header("preference-applied", "respond-async");
      const { id, status } = answer as DeferrableAnswer;
      if (!unfinished.has(status)) return;
      reply.code(202).header("location", locationOf(id)).header("retry-after", String(retryAfterS));
    },
  };
}

function requireFields({ method }: RestRoute) {
  const lacks = (names: string[], message: RestRoute["method"]["input"]) =>
    names.some((name) => !message.fields.some((field) => field.name === name));
  if (lacks(["idempotency_key", "respond_async"], method.input) || lacks(["id", "status"], method.output))
    throw new Error(
      `${method}: deferrable methods need fields for the key, the preference, the id and the status`,
    );
}

/** The service's GET route that is fixed text but for the id at its end. */
function outcomeLocation({ method }: RestRoute, routes: readonly RestRoute[]): (id: string) => string {
  const found = routes.find(({ httpMethod, method: { parent }, segments }) => {
    const [last, ...others] = segments.toReversed();
    const endsInId = typeof last === "object" && last.length === 1 && last[0]!.name === "id";
    return httpMethod === "GET" && parent === method.parent && endsInId && others.every(isText);
  });
  if (!found) throw new Error(`${method}: its service has no GET route where outcomes are asked for`);
  const prefix = found.segments.slice(0, -1).join("/");
  return (id) => `/${prefix}/${encodeURIComponent(id)}`;
}

const isText = (segment: RestRoute["segments"][number]) => typeof segment === "string";
