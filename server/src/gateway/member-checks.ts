/** The messenger knows user ids only: whether there are such users, identity is asked before people enter a chat. */
import type { Message } from "@bufbuild/protobuf";
import { type AddMembersRequest, type CreateChatRequest, MessengerService } from "@parley/api/v2/messenger";
import type { CallContext, Overrides } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import { fault } from "#platform/errors.ts";

/** Of many unknown ids, so many are named. */
const maxNamed = 20;

export function createMemberChecks({ identity, messenger }: GatewayClients): Overrides {
  const { createChat, addMembers } = MessengerService.method;
  /** Throws "user-not-found" with every id that is nobody's. */
  const requireUsers = async (field: string, userIds: string[], context: CallContext) => {
    if (userIds.length === 0) return;
    const missing = await identity.findMissingUsers({ userIds }, callOptions(context));
    if (missing.userIds.length === 0) return;
    const absent = new Set(missing.userIds);
    const violations = userIds
      .flatMap((id, index) =>
        absent.has(id) ? [{ field: `${field}[${index}]`, message: `${id} is no user` }] : [],
      )
      .slice(0, maxNamed);
    const detail = violations.map((violation) => `${violation.field}: ${violation.message}`).join("; ");
    throw fault("user-not-found", { detail, violations });
  };
  return new Map<Parameters<Overrides["get"]>[0], (request: never, context: CallContext) => Promise<Message>>(
    [
      [
        createChat,
        async (request: CreateChatRequest, context) => {
          await requireUsers("memberIds", request.memberIds, context);
          return messenger.createChat(request, callOptions(context));
        },
      ],
      [
        addMembers,
        async (request: AddMembersRequest, context) => {
          await requireUsers("userIds", request.userIds, context);
          return messenger.addMembers(request, callOptions(context));
        },
      ],
    ],
  );
}
