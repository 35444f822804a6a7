/**
 * Gathers the sends of all transports and hands them to the messenger in batches, see docs/decisions/0011-send-gatherer.md.
 *
 * A chat always takes the same lane, and a lane has one batch under way: what arrives meanwhile is its next one. So
 * sends to a chat reach the messenger in the order in which they came, whatever lies between it and us, and batches
 * grow with the load without any added wait.
 */
import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { type Span, SpanKind } from "@opentelemetry/api";
import type { MessengerInternalService, Send, SendOutcome } from "@parley/api/internal/messenger";
import { SendSchema } from "@parley/api/internal/messenger";
import {
  type SendMessageRequest,
  type SendMessageResponse,
  SendMessageResponseSchema,
} from "@parley/api/v2/messenger";
import type { CallContext } from "#gateway/call.ts";
import { invalidFields } from "#gateway/validation.ts";
import { type ErrorCode, errorKinds, fault, toFault, toPublicError } from "#platform/errors.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";
import { formatTraceparent } from "#platform/trace.ts";

export interface SendGatherer {
  /** To be called in the order in which the messages shall be stored. */
  send(request: SendMessageRequest, context: CallContext): Promise<SendMessageResponse>;
}

export interface SendGathererOptions {
  messenger: Pick<Client<typeof MessengerInternalService>, "sendMessages">;
  /** Sends that may be waiting or under way. */
  maxSends: number;
  timeoutMs: number;
  telemetry?: Telemetry;
}

interface Item {
  send: Send;
  /** From its arrival here to its answer; undefined: the trace is not recorded. */
  span: Span | undefined;
  /** By performance.now(). The same patience for all, so a lane's items expire in their order. */
  expiresAtMs: number;
  resolve: (response: SendMessageResponse) => void;
  reject: (error: unknown) => void;
}

interface Lane {
  waiting: Item[];
  isRunning: boolean;
}

const laneCount = 16;
const maxBatchSends = 1_000;
const maxBatchChars = 1_048_576;
/** Of all sends that are waiting or under way. */
const maxChars = 33_554_432;
const clientSpanName = "parley.internal.v1.MessengerInternalService/SendMessages";
const clientSpan = {
  kind: SpanKind.CLIENT,
  attributes: {
    "rpc.system.name": "connectrpc",
    "rpc.method": clientSpanName,
    "parley.role": "messenger",
  },
};

export function createSendGatherer(options: SendGathererOptions): SendGatherer {
  const { messenger, maxSends, timeoutMs, telemetry = noTelemetry } = options;
  const lanes: Lane[] = Array.from({ length: laneCount }, () => ({ waiting: [], isRunning: false }));
  let sends = 0;
  let chars = 0;
  telemetry.meter
    .createObservableUpDownCounter("parley.gateway.sends.pending", {
      unit: "{message}",
      description: "Messages that wait for the messenger, or for its answer",
    })
    .addCallback((result) => result.observe(sends));

  async function deliver(batch: Item[]) {
    for (const { span } of batch) span?.addEvent("handed on", { "parley.batch.size": batch.length });
    try {
      const request = { sends: batch.map((item) => item.send) };
      const { outcomes } = await messenger.sendMessages(request, { timeoutMs });
      for (const [index, item] of batch.entries()) settle(item, outcomes[index]);
    } catch (error) {
      for (const item of batch) refuse(item, toFault(error));
    } finally {
      forget(batch);
    }
  }

  function forget(items: Item[]) {
    sends -= items.length;
    for (const { send } of items) chars -= send.text.length;
  }

  function refuseExpired(lane: Lane) {
    const expired = takeExpired(lane, performance.now());
    for (const item of expired) refuse(item, fault("timeout"));
    forget(expired);
  }

  async function run(lane: Lane) {
    while (lane.waiting.length > 0) {
      refuseExpired(lane);
      if (lane.waiting.length > 0) await deliver(takeBatch(lane));
    }
    lane.isRunning = false;
  }

  return {
    send(request, { caller, trace }) {
      if (!caller) return Promise.reject(fault("unauthenticated"));
      if (sends >= maxSends || chars >= maxChars) return Promise.reject(fault("overloaded"));
      sends += 1;
      chars += request.text.length;
      const isAlone = request.attachments.length > 0;
      const lane = lanes[laneOf(request.chatId)]!;
      if (!isAlone && !lane.isRunning) {
        lane.isRunning = true;
        // At the end of the turn: whatever else it brings belongs to the same batch.
        setImmediate(run, lane);
      }
      return new Promise((resolve, reject) => {
        const expiresAtMs = performance.now() + timeoutMs;
        const send = toSend(request, caller.userId);
        const span = trace && telemetry.tracing.child(trace, clientSpanName, clientSpan);
        if (span) send.traceparent = formatTraceparent(span.spanContext());
        const item = { send, span, expiresAtMs, resolve, reject };
        // The messenger asks blobs about it first, and nobody else's message waits for that.
        if (isAlone) void deliver([item]);
        else lane.waiting.push(item);
      });
    },
  };
}

function toSend(request: SendMessageRequest, senderId: string): Send {
  const { chatId, clientId, text, replyTo, attachments } = request;
  const id = clientId || randomUUID();
  return create(SendSchema, { senderId, chatId, clientId: id, text, replyTo, attachments });
}

/** The last digits of an id differ most. */
function laneOf(chatId: string): number {
  return (chatId.charCodeAt(chatId.length - 1) + chatId.charCodeAt(chatId.length - 2)) % laneCount;
}

function takeExpired(lane: Lane, nowMs: number): Item[] {
  const firstAlive = lane.waiting.findIndex((item) => item.expiresAtMs > nowMs);
  return lane.waiting.splice(0, firstAlive < 0 ? lane.waiting.length : firstAlive);
}

function takeBatch(lane: Lane): Item[] {
  let chars = 0;
  let count = 0;
  while (count < lane.waiting.length && count < maxBatchSends && chars < maxBatchChars) {
    chars += lane.waiting[count]!.send.text.length;
    count += 1;
  }
  return lane.waiting.splice(0, count);
}

function settle(item: Item, outcome: SendOutcome | undefined) {
  if (!outcome?.message) return refuse(item, toRefusal(outcome));
  if (item.span) endSpan(item.span, undefined);
  item.resolve(create(SendMessageResponseSchema, { message: outcome.message }));
}

function refuse({ span, reject }: Item, error: Error) {
  if (span) endSpan(span, toPublicError(error).code);
  reject(error);
}

function toRefusal(outcome: SendOutcome | undefined): Error {
  const code = outcome?.errorCode ?? "";
  if (code === "invalid-input" && outcome?.violations.length) return invalidFields(outcome.violations);
  const known = Object.hasOwn(errorKinds, code) ? (code as ErrorCode) : "internal";
  return fault(known, { violations: outcome?.violations ?? [] });
}
