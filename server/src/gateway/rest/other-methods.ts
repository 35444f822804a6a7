/** What is answered to the methods that a route has not. */
import type { FastifyInstance, RouteShorthandOptions } from "fastify";
import { httpMethods } from "#gateway/rest/http-rules.ts";
import { fault } from "#platform/errors.ts";

export function refuseOtherMethods(
  app: FastifyInstance,
  path: string,
  methods: readonly string[],
  {
    headers = {},
    optionsHeaders = headers,
    errorHandler,
  }: {
    /** Of all that is answered. */
    headers?: Record<string, string>;
    optionsHeaders?: Record<string, string>;
    errorHandler?: RouteShorthandOptions["errorHandler"];
  } = {},
) {
  const hasHead = methods.includes("GET") && !methods.includes("HEAD");
  const allow = [...methods, ...(hasHead ? ["HEAD"] : []), "OPTIONS"].join(", ");
  app.options(path, (_request, reply) =>
    reply
      .code(204)
      .headers({ ...optionsHeaders, allow })
      .send(),
  );
  app.route({
    method: httpMethods.filter((method) => !methods.includes(method)),
    url: path,
    exposeHeadRoute: false,
    ...(errorHandler ? { errorHandler } : {}),
    // Before the body is read: there is no use for it.
    onRequest: async (_request, reply) => {
      reply.headers({ ...headers, allow });
      throw fault("method-not-allowed");
    },
    handler: async () => undefined,
  });
}
