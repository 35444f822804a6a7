/** What messenger-v1 needs of the services, made for its tests: they note what they are asked, and fail when they are told to. */
import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { SearchService } from "@parley/api/v2/search";
import { requireActor } from "#platform/actor.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";
import { chatId, userId } from "#test/gateway.ts";

export const key = "0123456789abcdef0123456789abcdef";
export const taskId = "0b0b7e6e-0000-4000-8000-0000000007a5";

/** Each is set by the test that needs it. */
export const told = {
  isOver: false,
  failure: undefined as ErrorCode | undefined,
  chats: 1,
  taskStatus: "done",
  /** Messages that the task found. */
  found: 0,
  queries: [] as { query: string; fuzzy: boolean }[],
  registered: [] as { login: string; password: string }[],
};

const failIfTold = () => {
  if (told.failure) throw fault(told.failure);
};

export function addServices(router: ConnectRouter) {
  router.service(AuthService, {
    signOut: (_request, context) => {
      requireActor(context);
      told.isOver = true;
      return {};
    },
  });
  router.service(IdentityInternalService, {
    listEndedSessions: () => ({}),
    findMissingUsers: ({ userIds }) => {
      failIfTold();
      return { userIds };
    },
    registerAccount: ({ login, password }) => {
      failIfTold();
      told.registered.push({ login, password });
      return {};
    },
    startSession: ({ login, withSessionKey, sessionSeconds }) => {
      failIfTold();
      assert.deepEqual({ withSessionKey, sessionSeconds }, { withSessionKey: true, sessionSeconds: 3_600 });
      if (login !== "anna") throw fault("bad-credentials");
      return { sessionKey: key };
    },
    resolveSessionKey: () => {
      if (told.isOver) throw fault("unauthenticated");
      return { userId, sessionId: "session-1", expiresAt: timestampFromMs(Date.now() + 3_600_000) };
    },
  });
  router.service(MessengerInternalService, {
    listPositions: () => ({}),
    createOpenChat: ({ title }) => {
      failIfTold();
      assert.equal(title, "some chat");
      return { chat: { id: chatId } };
    },
    listChatPage: () => ({ total: told.chats }),
    joinChat: (request) => {
      failIfTold();
      if (request.chatId !== chatId) throw fault("chat-not-found");
      return {};
    },
    sendMessages: ({ sends }) => ({
      outcomes: sends.map(({ text }) =>
        text === "too long"
          ? { errorCode: "invalid-input" }
          : { message: { id: `message of ${text}`, text } },
      ),
    }),
    /** Ten messages, of which each third is deleted. */
    listMessagePage: ({ limit, before = 11 }) => {
      failIfTold();
      const seqs = Array.from({ length: Math.min(limit, before - 1) }, (_, i) => before - 1 - i);
      const last = seqs.at(-1) ?? 1;
      return {
        messages: seqs.map((seq) =>
          seq % 3 === 0 ? { seq, deletedAt: timestampFromMs(0) } : { seq, text: `text ${seq}` },
        ),
        ...(last > 1 ? { nextBefore: last } : {}),
      };
    },
  });
  router.service(SearchService, {
    createSearchTask: ({ query, fuzzy }) => {
      failIfTold();
      told.queries.push({ query, fuzzy });
      return { task: { id: taskId, status: "waiting" } };
    },
    getSearchTask: ({ id }) => {
      if (id !== taskId) throw fault("search-task-not-found");
      return { task: { id, status: told.taskStatus } };
    },
    listSearchResults: ({ id, limit, cursor }) => {
      if (id !== taskId) throw fault("search-task-not-found");
      if (told.taskStatus !== "done") throw fault("search-task-not-done", { retryAfterMs: 1_000 });
      const from = Number(cursor || 0);
      const to = Math.min(told.found, from + limit);
      const hits = Array.from({ length: to - from }, (_, i) => ({
        message: { chatId, text: `hit ${from + i}` },
      }));
      return { hits, ...(to < told.found ? { nextCursor: String(to) } : {}) };
    },
  });
}
