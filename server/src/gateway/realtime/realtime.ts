/** RealtimeService: the calls that belong to one socket. They are validated like all others. */
import { create, type DescMethod, type DescMethodUnary, type Message } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { MessengerInternalService } from "@parley/api/internal/messenger";
import {
  type AuthenticateRequest,
  AuthenticateResponseSchema,
  RealtimeService,
  type ResumeRequest,
  type SendTypingRequest,
  type WatchPresenceRequest,
  WatchPresenceResponseSchema,
} from "@parley/api/v2/realtime";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { Presence } from "#gateway/realtime/presence.ts";
import { type ResumeOptions, resume } from "#gateway/realtime/resume.ts";
import { createSendTyping, type TypingOptions } from "#gateway/realtime/typing.ts";
import type { Connection } from "#gateway/socket.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import type { Validate } from "#gateway/validation.ts";
import { fault } from "#platform/errors.ts";

export interface RealtimeOptions extends ResumeOptions, TypingOptions {
  authenticator: Pick<Authenticator, "authenticateToken">;
  messenger: Pick<Client<typeof MessengerInternalService>, "listPositions" | "filterAcquaintances">;
  presence: Presence;
  validate: Validate;
  throttle: Pick<Throttle, "admit">;
  /** The socket's caller is another session of the same user now. */
  onAuthenticated(connection: Connection, formerSessionId: string): void;
}

export type RealtimeAnswer = (
  connection: Connection,
  method: DescMethodUnary,
  request: Message,
) => Promise<Message> | undefined;

type Handler = (connection: Connection, request: never) => Promise<Message>;

/** The returned function answers undefined to methods of other services. */
export function createRealtime(parts: RealtimeOptions): RealtimeAnswer {
  const { method } = RealtimeService;
  const handlers = new Map<DescMethod, Handler>([
    [method.resume, (connection, request: ResumeRequest) => resume(parts, connection, request)],
    [method.sendTyping, createSendTyping(parts) as (c: Connection, r: SendTypingRequest) => Promise<Message>],
    [method.authenticate, (connection, request) => authenticate(parts, connection, request)],
    [method.watchPresence, (connection, request) => watchPresence(parts, connection, request)],
  ]);
  return (connection, called, request) => {
    const handler = handlers.get(called);
    if (!handler) return undefined;
    const answer = () => {
      parts.validate(called.input, request);
      return handler(connection, request as never);
    };
    return parts.throttle.admit(called, connection.context)?.then(answer) ?? answer();
  };
}

async function authenticate(
  parts: RealtimeOptions,
  connection: Connection,
  { accessToken }: AuthenticateRequest,
) {
  const caller = await parts.authenticator.authenticateToken(accessToken);
  const former = connection.context.caller;
  if (caller.userId !== former.userId) {
    throw fault("forbidden", { detail: "The token belongs to another user" });
  }
  // A token that expires earlier than the present one would end the socket for nothing.
  if (caller.tokenExpiresAt > former.tokenExpiresAt) {
    connection.context = { ...connection.context, caller };
    connection.reschedule();
    parts.onAuthenticated(connection, former.sessionId);
  }
  const leftMs = connection.context.caller.tokenExpiresAt - parts.clock.now();
  return create(AuthenticateResponseSchema, { expiresIn: Math.max(0, Math.floor(leftMs / 1_000)) });
}

async function watchPresence(
  parts: RealtimeOptions,
  connection: Connection,
  { userIds }: WatchPresenceRequest,
) {
  const { userId } = connection;
  const candidateIds = [...new Set(userIds)];
  const acquaintances = await findAcquaintances(parts, userId, candidateIds);
  if (!connection.isOpen) throw fault("cancelled");
  const online = await parts.presence.watch(connection, acquaintances);
  const presence = candidateIds.map((id) => ({ userId: id, online: online.has(id) }));
  return create(WatchPresenceResponseSchema, { presence });
}

async function findAcquaintances(parts: RealtimeOptions, userId: string, candidateIds: string[]) {
  if (candidateIds.length === 0) return [];
  const options = { timeoutMs: parts.callTimeoutMs };
  const { userIds } = await parts.messenger.filterAcquaintances({ userId, candidateIds }, options);
  return [...new Set(candidateIds.includes(userId) ? [...userIds, userId] : userIds)];
}
