/** Requests that are streams: a head, and then bytes. */
import { fault } from "#platform/errors.ts";

interface RequestMessage<Head> {
  part:
    | { case: "head"; value: Head }
    | { case: "data"; value: Uint8Array }
    | { case: undefined; value?: undefined };
}

export interface StreamedRequest<Head> {
  head: Head;
  /** To be iterated once; its end lets go of the rest. */
  data: AsyncGenerator<Uint8Array>;
}

/** Rejects with "malformed-request" when it begins with anything else than a head. */
export async function readStreamedRequest<Head>(
  messages: AsyncIterable<RequestMessage<Head>>,
): Promise<StreamedRequest<Head>> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (!first.done && first.value.part.case === "head") {
    return { head: first.value.part.value, data: dataOf(iterator) };
  }
  throw fault("malformed-request", { detail: "The first message must be the head" });
}

async function* dataOf(iterator: AsyncIterator<RequestMessage<unknown>>): AsyncGenerator<Uint8Array> {
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const { part } = next.value;
      if (part.case !== "data")
        throw fault("malformed-request", { detail: "Only the first message is a head" });
      if (part.value.byteLength > 0) yield part.value;
    }
  } finally {
    await iterator.return?.();
  }
}
