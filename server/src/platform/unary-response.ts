import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";

/** What a transport answers. */
export function unaryResponse<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: MessageShape<O>,
  header = new Headers(),
  trailer = new Headers(),
): UnaryResponse<I, O> {
  return { stream: false, service: method.parent, method, message, header, trailer };
}
