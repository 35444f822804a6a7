/**
 * A Connect transport that calls a service of the same process by reference: no bytes, no HTTP. What a caller can
 * observe stays as over the wire: error codes and details, headers, deadline, abort.
 *
 * connect-es ships createRouterTransport, which serialises each call and costs tens of microseconds; the hot path
 * and history reads go through here, see docs/decisions/0004-direct-transport.md.
 */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { fault, toFault } from "#platform/errors.ts";
import { collectStreamHandlers, runStreamHandler } from "#platform/stream-handlers.ts";
import { streamResponse } from "#platform/stream-response.ts";
import { collectUnaryHandlers, runUnaryHandler } from "#platform/unary-handlers.ts";
import { unaryResponse } from "#platform/unary-response.ts";

export function createDirectTransport(routes: (router: ConnectRouter) => void): Transport {
  const handlers = collectUnaryHandlers(routes);
  const streamHandlers = collectStreamHandlers(routes);
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
    async stream(method, signal, timeoutMs, header, input) {
      const handler = streamHandlers.get(method);
      if (!handler) throw fault("route-not-found");
      const answers = runStreamHandler(handler, {
        method,
        requests: asMessages(method.input, input as AsyncIterable<MessageInitShape<DescMessage>>),
        protocolName: "direct",
        url: `direct:///${method.parent.typeName}/${method.name}`,
        timeoutMs,
        signal,
        header,
      });
      return streamResponse(method, asFaults(answers) as never);
    },
  };
}

async function* asMessages(
  input: DescMessage,
  requests: AsyncIterable<MessageInitShape<DescMessage>>,
): AsyncGenerator<MessageShape<DescMessage>> {
  for await (const request of requests) yield create(input, request);
}

async function* asFaults<T>(answers: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* answers;
  } catch (error) {
    throw toFault(error);
  }
}
