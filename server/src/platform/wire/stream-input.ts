/** What a streaming call sends: whether it has begun to, and whether it could once more. */
import type { DescMessage, DescMethodStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { fault } from "#platform/errors.ts";

export type StreamInput = AsyncIterable<MessageInitShape<DescMessage>>;

export interface WatchedInput {
  readonly input: StreamInput;
  /** Something was asked of it. */
  readonly isBegun: boolean;
}

export function watchInput(input: StreamInput): WatchedInput {
  let isBegun = false;
  return {
    input: {
      [Symbol.asyncIterator]() {
        const iterator = input[Symbol.asyncIterator]();
        return {
          next() {
            isBegun = true;
            return iterator.next();
          },
          return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
        };
      },
    },
    get isBegun() {
      return isBegun;
    },
  };
}

/** One request is kept, and sent as often as it takes. Of what is streamed up, only the unbegun can be. */
export async function repeatable(method: DescMethodStreaming, input: StreamInput): Promise<StreamInput> {
  if (method.methodKind === "client_streaming") return input;
  for await (const request of input) {
    return {
      async *[Symbol.asyncIterator]() {
        yield request;
      },
    };
  }
  throw fault("malformed-request", { detail: "The request is missing" });
}
