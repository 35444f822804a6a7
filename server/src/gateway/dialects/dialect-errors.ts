/** Whatever goes wrong with a request to an old API is told in its own shape, also where none of its routes was found. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Dialect } from "#gateway/dialects/dialect.ts";
import { sendAnswer } from "#gateway/dialects/send-answer.ts";
import { deprecationHeaders } from "#gateway/dialects/versions.ts";
import { fault, type PublicError } from "#platform/errors.ts";

/** Tells log, metrics and span of a failure, and answers what may be told of it. */
export type Tell = (request: FastifyRequest, error: unknown) => PublicError;

type Failing = Pick<Dialect, "name" | "basePaths" | "toAnswer">;

export function errorHandlerOf(dialect: Pick<Dialect, "toAnswer">, tell: Tell) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const told = tell(request, error);
    if (told.retryAfterMs) reply.header("retry-after", String(Math.ceil(told.retryAfterMs / 1_000)));
    void sendAnswer(reply, dialect.toAnswer(told));
  };
}

/** The dialect, of those that are on, whose path it is and nobody else's. */
function dialectOf<D extends Failing>(dialects: readonly D[], { raw }: FastifyRequest): D | undefined {
  const [path = ""] = (raw.url ?? "").split(/[?#]/, 1);
  return dialects.find(({ basePaths }) =>
    basePaths.some((base) => path === base || path.startsWith(`${base}/`)),
  );
}

/** Where the web client's files are looked for when there is no other route. None of them lies in an old API. */
const filesPath = "/*";

/** Before the body is read: there is no use for it. */
export function answerUnknownPaths(app: FastifyInstance, dialects: readonly Failing[], tell: Tell): void {
  app.addHook("onRequest", async (request, reply) => {
    if (!request.is404 && request.routeOptions.url !== filesPath) return;
    const dialect = dialectOf(dialects, request);
    if (!dialect) return;
    return answerAs(dialect, reply, tell(request, fault("route-not-found")));
  });
}

/** Of a path that cannot be decoded, so that no route was looked for. False: it is no dialect's. */
export function answerUnreadablePath(
  dialects: readonly Failing[],
  request: FastifyRequest,
  reply: FastifyReply,
  tell: () => PublicError,
): boolean {
  const dialect = dialectOf(dialects, request);
  if (!dialect) return false;
  void answerAs(dialect, reply, tell());
  return true;
}

function answerAs({ name, toAnswer }: Failing, reply: FastifyReply, told: PublicError) {
  return sendAnswer(reply.headers(deprecationHeaders(name)), toAnswer(told));
}
