/**
 * What @tus/server makes of a request: it checks the protocol's headers and says which of them to answer. The bytes do not
 * go through it, nor what it has to say of CORS and errors.
 */
import type { IncomingMessage } from "node:http";
import { Server, type ServerOptions } from "@tus/server";
import type { BlobRoutesOptions } from "#gateway/blobs/blob-options.ts";
import type { ByteExchange } from "#gateway/blobs/byte-route.ts";
import { createTusStore } from "#gateway/blobs/tus-store.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

/**
 * None: two requests for one upload may come to two pods, so what decides is the offset under which the blob service takes
 * the bytes, and of two that begin at the same one the later is refused.
 */
const noLocks: ServerOptions["locker"] = {
  newLock: () => ({ lock: async () => {}, unlock: async () => {} }),
};

export interface TusAnswer {
  status: number;
  headers: Record<string, string>;
}

export function createTus(options: BlobRoutesOptions): (exchange: ByteExchange) => Promise<TusAnswer> {
  return async (exchange) => {
    const { raw } = exchange.request;
    checkRequest(raw, exchange);
    const store = createTusStore(options, exchange);
    let failure: unknown;
    const server = new Server({
      path: "/v2/uploads",
      relativeLocation: true,
      datastore: store.dataStore,
      locker: noLocks,
      maxSize: options.maxBlobBytes,
      getFileIdFromRequest: () => (exchange.request.params as Record<string, string>).segment2,
      onResponseError(_request, error) {
        failure = error;
        return undefined;
      },
    });
    const response = await server.handleWeb(withoutBody(raw));
    if (failure instanceof Error) throw failure;
    if (response.status >= 400) throw await toFault(response);
    return { status: response.status, headers: { ...headersOf(response), ...(await store.answerHeaders()) } };
  };
}

/** Says clearly what @tus/server would refuse with a status that says something else. */
function checkRequest(raw: IncomingMessage, { request, reply }: ByteExchange) {
  reply.header("tus-resumable", "1.0.0");
  const { headers, method } = raw;
  if (headers["tus-resumable"] !== "1.0.0") {
    reply.header("tus-version", "1.0.0");
    throw fault("precondition-failed", { detail: "The header Tus-Resumable must be 1.0.0" });
  }
  const id = (request.params as Record<string, string | undefined>).segment2;
  if (id !== undefined && !isUuid(id)) throw fault("upload-not-found");
  if (method === "PATCH" && headers["content-type"] !== "application/offset+octet-stream") {
    throw fault("unsupported-media-type", {
      detail: "The content type must be application/offset+octet-stream",
    });
  }
}

/** All that @tus/server looks at: the store it is given reads the body itself. */
function withoutBody({ method, url = "", headers }: IncomingMessage): Request {
  const copied = new Headers();
  for (const [name, value] of Object.entries(headers)) copied.set(name, String(value));
  return { method, url, headers: copied, body: null } as unknown as Request;
}

function headersOf(response: Response): Record<string, string> {
  const headers = [...response.headers].filter(([name]) => !name.startsWith("access-control-"));
  return Object.fromEntries(headers);
}

const codes: Record<number, ErrorCode> = {
  404: "upload-not-found",
  409: "upload-offset-mismatch",
  410: "upload-not-found",
  413: "too-large",
  500: "internal",
};

async function toFault(response: Response) {
  const code = codes[response.status] ?? "invalid-input";
  const detail = code === "internal" ? undefined : (await response.text()).trim();
  return fault(code, detail ? { detail } : {});
}
