/** How bytes go out while their progress is told: browsers tell it by XMLHttpRequest only, Node by what it has read. */

/** What can be sent from any place on, and again. */
export type Bytes = Blob | Uint8Array<ArrayBuffer>;

export interface ByteRequest {
  method: "PUT" | "PATCH";
  url: string;
  headers: Record<string, string>;
  /** A stream is of unknown length, and can be sent once. */
  body: Bytes | ReadableStream<Uint8Array>;
  /** How many bytes of the body have been sent. */
  onSent(bytes: number): void;
  signal: AbortSignal;
}

/** Resolves with the answer, whatever its status; rejects when there was none. */
export type SendBytes = (request: ByteRequest) => Promise<Response>;

export function sizeOf(bytes: Bytes): number {
  return bytes instanceof Uint8Array ? bytes.byteLength : bytes.size;
}

/** A view, not a copy. */
export function sliceOf(bytes: Bytes, from: number, to: number): Bytes {
  return bytes instanceof Uint8Array ? bytes.subarray(from, to) : bytes.slice(from, to);
}

const chunkBytes = 64 * 1024;

/** For Node, which takes a stream as a body: the progress is what has been taken from it. */
export function sendByFetch(fetch: typeof globalThis.fetch): SendBytes {
  return ({ method, url, headers, body, onSent, signal }) => {
    const isStream = body instanceof ReadableStream;
    const init: RequestInit & { duplex: "half" } = {
      method,
      headers: isStream ? headers : { ...headers, "content-length": String(sizeOf(body)) },
      body: (isStream ? body : streamOf(body)).pipeThrough(counting(onSent)),
      duplex: "half",
      signal,
    };
    return fetch(url, init);
  };
}

function counting(onSent: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  let sent = 0;
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      sent += chunk.byteLength;
      onSent(sent);
    },
  });
}

function streamOf(bytes: Bytes): ReadableStream<Uint8Array> {
  const size = sizeOf(bytes);
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= size) return controller.close();
      const chunk = sliceOf(bytes, at, Math.min(at + chunkBytes, size));
      at += sizeOf(chunk);
      controller.enqueue(chunk instanceof Uint8Array ? chunk : new Uint8Array(await chunk.arrayBuffer()));
    },
  });
}

/** For browsers. A stream is collected first: they can send one only over HTTP/2, and not all of them. */
export const sendByXhr: SendBytes = async ({ method, url, headers, body, onSent, signal }) => {
  const bytes = body instanceof ReadableStream ? await new Response(body).blob() : body;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const onAbort = () => request.abort();
    const end = (settle: () => void) => {
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => end(() => resolve(answerOf(request)));
    request.onerror = () => end(() => reject(new TypeError("The connection broke")));
    request.onabort = () => end(() => reject(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    request.send(bytes);
  });
};

function answerOf(request: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of request.getAllResponseHeaders().trim().split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  const { status, statusText, responseText } = request;
  // A Response of these takes no body.
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  return new Response(hasBody ? responseText : null, { status, statusText, headers });
}
