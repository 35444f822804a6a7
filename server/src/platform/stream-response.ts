import type { DescMessage, DescMethodStreaming, MessageShape } from "@bufbuild/protobuf";
import type { StreamResponse } from "@connectrpc/connect";

/** What a transport answers to a streaming call. */
export function streamResponse<I extends DescMessage, O extends DescMessage>(
  method: DescMethodStreaming<I, O>,
  message: AsyncIterable<MessageShape<O>>,
  header = new Headers(),
  trailer = new Headers(),
): StreamResponse<I, O> {
  return { stream: true, service: method.parent, method, message, header, trailer };
}
