/**
 * An answer that comes before the request's body has: the client is told, and its connection closed, without reading all that it
 * may have to send. To close at once would make its system throw the answer away (RFC 9112, 9.6), so what comes is dropped for a while.
 */
import type { IncomingMessage } from "node:http";
import { hasBody, releaseBodyDeadline } from "#gateway/http/body-deadline.ts";

const lingerMs = 1_000;
const lingerBytes = 1_048_576;

export function isUnread(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !request.destroyed;
}

/** To be called before the answer, which has to say "connection: close". */
export function lingerAfterAnswer(request: IncomingMessage): void {
  const { socket } = request;
  releaseBodyDeadline(request);
  let left = lingerBytes;
  // Its own side is closed, what still comes is read; Node would destroy the socket here.
  socket.destroySoon = () => {
    const destroy = () => void socket.destroy();
    const timer = setTimeout(destroy, lingerMs);
    socket.once("close", () => clearTimeout(timer));
    if (request.complete) destroy();
    request.once("end", destroy).once("error", destroy);
    socket.end();
  };
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    // What is more stays with the sender until the connection goes.
    if (left <= 0) request.pause();
  });
}
