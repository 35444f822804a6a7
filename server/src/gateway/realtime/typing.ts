/** RealtimeService/SendTyping: told to the chat's members who are there, through the bus, and kept nowhere. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { MessengerService } from "@parley/api/v2/messenger";
import {
  type SendTypingRequest,
  type SendTypingResponse,
  SendTypingResponseSchema,
} from "@parley/api/v2/realtime";
import type { Call } from "#gateway/call.ts";
import type { FanOut } from "#gateway/fan-out.ts";
import type { Connection } from "#gateway/socket.ts";
import { type Bus, topics } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";

export interface TypingOptions {
  bus: Bus;
  call: Call;
  fanOut: FanOut;
  clock: Clock;
}

/** Of one socket in one chat. What comes sooner is taken and not passed on. */
const minIntervalMs = 1_000;
const maxRememberedChats = 100;

export type SendTyping = (connection: Connection, request: SendTypingRequest) => Promise<SendTypingResponse>;

export function createSendTyping({ bus, call, fanOut, clock }: TypingOptions): SendTyping {
  /** When each socket last said so, by chat; sockets that never type cost nothing. */
  const saidAtMs = new WeakMap<Connection, Map<string, number>>();

  function mayTell(connection: Connection, chatId: string): boolean {
    const times = saidAtMs.get(connection) ?? new Map<string, number>();
    saidAtMs.set(connection, times);
    if (clock.now() - (times.get(chatId) ?? -minIntervalMs) < minIntervalMs) return false;
    if (times.size >= maxRememberedChats) times.clear();
    times.set(chatId, clock.now());
    return true;
  }

  return async (connection, { chatId }) => {
    const isMember = fanOut.get(chatId)?.isLive(connection) ?? false;
    // Throws "chat-not-found" where the caller is no member.
    if (!isMember)
      await call(
        MessengerService.method.getChat,
        create(MessengerService.method.getChat.input, { chatId }),
        connection.context,
      );
    if (mayTell(connection, chatId)) {
      const at = timestampFromMs(clock.now());
      const event = { chatId, kind: "typing", at, actorId: connection.userId };
      bus.publish(topics.chat(chatId), create(BusMessageSchema, { events: [event] }));
    }
    return create(SendTypingResponseSchema);
  };
}
