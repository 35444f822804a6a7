/** The hot path: SendMessages of the gateway's batches, and SendMessage as a batch of one. */
import { randomUUID } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import type {
  Send,
  SendMessagesRequest,
  SendMessagesResponse,
  SendOutcome,
} from "@parley/api/internal/messenger";
import type { Violation } from "@parley/api/v2/errors";
import type { SendMessageRequest, SendMessageResponse } from "@parley/api/v2/messenger";
import { attachmentsProblem } from "#messenger/attachments/attachment-input.ts";
import type { MessengerConfig } from "#messenger/config.ts";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import { callerOf, canonicalId, textProblem } from "#messenger/input.ts";
import { seqOfMessageId } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { endSendTraces, startSendTraces } from "#messenger/send-traces.ts";
import { type ErrorCode, fault, invalidInput } from "#platform/errors.ts";
import { messageTextProblem } from "#platform/message-text.ts";
import { activeTrace, runInTrace } from "#platform/telemetry/active-trace.ts";

const maxSendsPerCall = 10_000;
const maxClientIdChars = 64;

export type Refused = { violation: Pick<Violation, "field" | "message"> };

export function sendMessages({ config, groupCommit, attachments, telemetry }: MessengerParts) {
  return async (request: SendMessagesRequest): Promise<SendMessagesResponse> => {
    if (request.sends.length > maxSendsPerCall) {
      throw invalidInput("sends", `must hold at most ${maxSendsPerCall} items`);
    }
    const traces = startSendTraces(telemetry, request.sends);
    const results = await Promise.all(
      request.sends.map((send, index) => {
        const read = readSend(send, config);
        if ("violation" in read) return read;
        const trace = traces?.get(index);
        if (trace) read.trace = trace;
        return send.attachments.length > 0
          ? attachments.send(read, send.attachments)
          : groupCommit.submit(read);
      }),
    );
    if (traces) endSendTraces(traces, results);
    return { $typeName: "parley.internal.v1.SendMessagesResponse", outcomes: results.map(toOutcome) };
  };
}

export function sendMessage({ config, groupCommit, attachments }: MessengerParts) {
  return async (request: SendMessageRequest, context: HandlerContext): Promise<SendMessageResponse> => {
    const { chatId, clientId, text, replyTo, attachments: given } = request;
    const send = { senderId: callerOf(context), chatId, clientId, text, replyTo, attachments: given };
    const read = readSend(send, config);
    if ("violation" in read) throw invalidInput(read.violation.field, read.violation.message);
    read.trace = activeTrace();
    // Whose turn it is to store a batch is chance: the batch is not part of this trace.
    const result = await runInTrace(undefined, () =>
      given.length > 0 ? attachments.send(read, given) : groupCommit.submit(read),
    );
    if ("errorCode" in result) throw fault(result.errorCode, { violations: result.violations ?? [] });
    return { $typeName: "parley.v2.SendMessageResponse", message: result.message };
  };
}

type SendFields = Pick<Send, "senderId" | "chatId" | "clientId" | "text" | "replyTo" | "attachments">;

/** What the database would refuse must not get past here: it would fail the batch. */
function readSend(send: SendFields, config: MessengerConfig): ValidSend | Refused {
  const chatId = canonicalId(send.chatId);
  if (!chatId) return refused("chatId", "must be a UUID");
  const senderId = canonicalId(send.senderId);
  if (!senderId) return refused("senderId", "must be a UUID");
  const hasAttachments = send.attachments.length > 0;
  // What is blank says nothing beside attachments.
  const text = hasAttachments && send.text.trim() === "" ? "" : send.text;
  const inText =
    hasAttachments && text === "" ? undefined : messageTextProblem(text, config.PARLEY_MAX_TEXT_BYTES);
  if (inText) return refused("text", inText);
  const inAttachments = hasAttachments ? attachmentsProblem(send.attachments) : undefined;
  if (inAttachments) return { violation: inAttachments };
  const clientId = send.clientId || randomUUID();
  const inClientId = clientIdProblem(clientId);
  if (inClientId) return refused("clientId", inClientId);
  // What is no id of a message here has no message behind it; the statement finds so, for those who are members.
  const replyToSeq = send.replyTo === "" ? null : (seqOfMessageId(chatId, send.replyTo) ?? 0);
  return { chatId, senderId, clientId, text, replyToSeq, attachments: null };
}

function clientIdProblem(clientId: string): string | undefined {
  if (clientId.length > maxClientIdChars) return `must be at most ${maxClientIdChars} characters`;
  return textProblem(clientId);
}

const refused = (field: string, message: string): Refused => ({ violation: { field, message } });

function toOutcome(result: SendResult | Refused): SendOutcome {
  const outcome = { $typeName: "parley.internal.v1.SendOutcome" } as const;
  if ("message" in result) return { ...outcome, message: result.message, errorCode: "", violations: [] };
  if ("errorCode" in result) {
    return {
      ...outcome,
      errorCode: result.errorCode,
      violations: (result.violations ?? []).map(toViolation),
    };
  }
  const errorCode: ErrorCode = "invalid-input";
  return { ...outcome, errorCode, violations: [toViolation(result.violation)] };
}

const toViolation = (violation: Pick<Violation, "field" | "message">): Violation => ({
  $typeName: "parley.v2.Violation",
  ...violation,
});
