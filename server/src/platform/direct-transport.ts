/**
 * A Connect transport that calls a service of the same process by reference: no bytes, no HTTP. What a caller can
 * observe stays as over the wire: error codes and details, headers, deadline, abort.
 *
 * connect-es ships createRouterTransport, which serialises each call and costs tens of microseconds; the hot path
 * and history reads go through here, see docs/decisions/0004-direct-transport.md.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { fault, toFault } from "#platform/errors.ts";
import { collectUnaryHandlers, runUnaryHandler } from "#platform/unary-handlers.ts";
import { unaryResponse } from "#platform/unary-response.ts";

export function createDirectTransport(routes: (router: ConnectRouter) => void): Transport {
  const handlers = collectUnaryHandlers(routes);
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const handler = handlers.get(method);
      if (!handler) throw fault("route-not-found");
      if (signal?.aborted) throw fault("cancelled");
      try {
        const { message, context } = await runUnaryHandler(handler, {
          method,
          request: create(method.input, input as MessageInitShape<typeof method.input>),
          protocolName: "direct",
          url: `direct:///${method.parent.typeName}/${method.name}`,
          timeoutMs,
          signal,
          header,
          contextValues,
        });
        return unaryResponse(method, message as never, context.responseHeader, context.responseTrailer);
      } catch (error) {
        throw toFault(error);
      }
    },
    async stream() {
      throw fault("route-not-found", { detail: "Streaming calls do not exist" });
    },
  };
}
