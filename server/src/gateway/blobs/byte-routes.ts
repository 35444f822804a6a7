/**
 * The routes whose bodies are bytes: blobs, resumable uploads and attachments. Fastify finds them, and answers for their failures;
 * the bodies it never sees, as each of these is served before Fastify would read one.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { attachmentRoutes } from "#gateway/blobs/attachment-routes.ts";
import type { BlobRoutesOptions } from "#gateway/blobs/blob-options.ts";
import { blobRoutes } from "#gateway/blobs/blob-routes.ts";
import type { ByteExchange, ByteRoute } from "#gateway/blobs/byte-route.ts";
import { isUnread, lingerAfterAnswer } from "#gateway/blobs/refused-body.ts";
import { requireKnownCoding } from "#gateway/blobs/request-bytes.ts";
import type { Reading } from "#gateway/blobs/send-object.ts";
import { tusHeaders, uploadRoutes } from "#gateway/blobs/upload-routes.ts";
import { releaseBodyDeadline } from "#gateway/http/body-deadline.ts";
import { refuseOtherMethods } from "#gateway/rest/other-methods.ts";

export interface ByteRoutesOptions extends BlobRoutesOptions {
  /** An answer broke after it had begun. */
  onBroken(request: FastifyRequest, error: unknown): void;
}

export function registerByteRoutes(app: FastifyInstance, options: ByteRoutesOptions): void {
  const toReading = (exchange: ByteExchange) => readingOf(exchange, options);
  const routes = [
    ...blobRoutes(options, toReading),
    ...uploadRoutes(options),
    ...attachmentRoutes(options, toReading),
  ];
  app.register(async (scope) => {
    scope.addHook("onSend", async ({ raw }, reply) => {
      if (!isUnread(raw)) return;
      reply.header("connection", "close");
      lingerAfterAnswer(raw);
    });
    for (const route of routes) addRoute(scope, route, options);
    for (const url of new Set(routes.map((route) => route.url))) {
      const methods = routes.filter((route) => route.url === url).flatMap((route) => route.methods);
      const headers = url.startsWith("/v2/uploads") ? tusHeaders(options.maxBlobBytes) : {};
      refuseOtherMethods(scope, url, methods, { optionsHeaders: headers });
    }
  });
}

function addRoute(scope: FastifyInstance, route: ByteRoute, { openCall }: ByteRoutesOptions) {
  scope.route({
    method: route.methods,
    url: route.url,
    config: { template: route.template },
    onRequest: async (request, reply) => {
      releaseBodyDeadline(request.raw);
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const opened = await openCall(route.method, request.raw, reply.raw, gone.signal);
      const context = { ...opened, trace: request.observed?.trace };
      request.callContext = context;
      requireKnownCoding(request.raw);
      await route.serve({ request, reply, context });
      return reply;
    },
    handler: async () => undefined,
  });
}

function readingOf({ request, reply, context }: ByteExchange, options: ByteRoutesOptions): Reading {
  return {
    request: request.raw,
    response: reply.raw,
    context,
    replyHeaders: reply.getHeaders() as Reading["replyHeaders"],
    hijack: () => void reply.hijack(),
    onBroken: (error) => options.onBroken(request, error),
  };
}
