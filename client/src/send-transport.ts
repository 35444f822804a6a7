/** How the outbox sends: over the socket when a connection is wanted, many at once; else over HTTP, one by one. */
import type { SendMessageResponseJson } from "@parley/api/v2/messenger";
import { isTokenRefused, ParleyError } from "./error.ts";
import type { OutboxTransport } from "./outbox.ts";
import type { SendDone } from "./outbox-lane.ts";
import type { OutboxEntry } from "./outbox-store.ts";
import type { Realtime } from "./realtime.ts";
import { path, type Rest } from "./rest.ts";
import type { Session } from "./session.ts";
import { toMessage } from "./shapes.ts";

export interface SendTransportOptions {
  session: Session;
  rest: Rest;
  realtime: Realtime;
  maxInFlight: number;
}

/** Requests of one chat must not overtake each other, and HTTP keeps no order between them. */
const maxRequestsPerChat = 1;
const maxRequests = 6;

export function createSendTransport(options: SendTransportOptions): OutboxTransport {
  const { session, rest, realtime } = options;
  let requests = 0;

  function sendByRequest({ chatId, ...body }: SendParams, done: SendDone): void {
    requests++;
    rest
      .call<SendMessageResponseJson>("POST", path`/v2/chats/${chatId}/messages`, body)
      .then(
        (answer) => [undefined, toMessage(answer.message ?? {})] as const,
        (error: unknown) => [toParleyError(error), undefined] as const,
      )
      .then(([error, message]) => {
        requests--;
        done(error, message);
      });
  }

  function sendBySocket(params: SendParams, done: SendDone): void {
    realtime.call("MessengerService/SendMessage", params, (error, result) => {
      if (!error) return done(undefined, toMessage((result as SendMessageResponseJson).message ?? {}));
      if (isTokenRefused(error)) session.renew().catch(() => {});
      done(error, undefined);
    });
  }

  return {
    // A message sent by request must be answered before the next one may go over the socket.
    isReady: () => (realtime.isStarted ? realtime.isOpen && requests === 0 : session.user !== undefined),
    maxInFlight: () => (realtime.isStarted ? options.maxInFlight : maxRequests),
    maxInFlightPerChat: () => (realtime.isStarted ? options.maxInFlight : maxRequestsPerChat),
    send(entry, done) {
      const params = toParams(entry);
      if (realtime.isStarted) sendBySocket(params, done);
      else sendByRequest(params, done);
    },
  };
}

interface SendParams {
  chatId: string;
  clientId: string;
  text: string;
  replyTo?: string;
  attachments?: { key: string; name: string }[];
}

function toParams({ chatId, clientId, text, replyTo, attachments }: OutboxEntry): SendParams {
  const params: SendParams = { chatId, clientId, text };
  if (replyTo !== "") params.replyTo = replyTo;
  if (attachments.length > 0) params.attachments = attachments.map(({ key, name }) => ({ key, name }));
  return params;
}

function toParleyError(error: unknown): ParleyError {
  return error instanceof ParleyError ? error : new ParleyError("network", { cause: error });
}
