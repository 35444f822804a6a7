import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { type Send, SendMessagesResponseSchema } from "@parley/api/internal/messenger";
import { SendMessageRequestSchema } from "@parley/api/v2/messenger";
import type { CallContext } from "#gateway/call.ts";
import { createSendGatherer } from "#gateway/send-gatherer.ts";
import { fault, toPublicError } from "#platform/errors.ts";

const context: CallContext = {
  caller: { userId: "ann", sessionId: "", roles: [], tokenExpiresAt: 0 },
  signal: undefined,
  clientAddress: "",
  userAgent: "",
};

function request(text: string, chatId = "chat-00", clientId = text) {
  return create(SendMessageRequestSchema, { chatId, text, clientId });
}

function setUp(
  answer: (sends: Send[]) => object[] | Promise<object[]>,
  maxSends = 10_000,
  timeoutMs = 60_000,
) {
  const batches: Send[][] = [];
  const messenger = {
    async sendMessages(batch: { sends?: unknown }) {
      const sends = batch.sends as Send[];
      batches.push(sends);
      return create(SendMessagesResponseSchema, { outcomes: await answer(sends) });
    },
  };
  const gatherer = createSendGatherer({ messenger: messenger as never, maxSends, timeoutMs });
  return { gatherer, batches };
}

const stored = (sends: Send[]) => sends.map(({ clientId }) => ({ message: { clientId } }));
const codeOf = (error: unknown) => toPublicError(error).code;

describe("the send gatherer", () => {
  it("hands a send with attachments on by itself: nobody waits for it, and it for nobody", async () => {
    const held = Promise.withResolvers<void>();
    const { gatherer, batches } = setUp(async (sends) => {
      if (sends[0]!.attachments.length > 0) await held.promise;
      return stored(sends);
    });
    const attachments = [{ key: "photo", name: "summer.jpg" }];
    const message = create(SendMessageRequestSchema, { chatId: "chat-00", clientId: "first", attachments });
    const first = gatherer.send(message, context);
    assert.equal((await gatherer.send(request("second"), context)).message?.clientId, "second");
    held.resolve();
    assert.equal((await first).message?.clientId, "first");
    assert.deepEqual(
      batches.map((sends) => sends.map(({ clientId }) => clientId)),
      [["first"], ["second"]],
    );
    assert.deepEqual(
      batches[0]![0]!.attachments.map(({ key, name }) => ({ key, name })),
      attachments,
    );
  });

  it("tells what is wrong with an attachment", async () => {
    const violations = [{ field: "attachments[0].key", message: "no such blob" }];
    const { gatherer } = setUp(() => [{ errorCode: "blob-not-found", violations }]);
    const error = await gatherer.send(request("a"), context).catch(toPublicError);
    assert.deepEqual(error, { ...toPublicError(fault("blob-not-found", { violations })) });
  });

  it("refuses what waited longer than a call may take, and never hands it on", async (t) => {
    let nowMs = 1_000;
    t.mock.method(performance, "now", () => nowMs);
    const held = Promise.withResolvers<void>();
    const patienceMs = 150;
    const { gatherer, batches } = setUp(
      async (sends) => {
        await held.promise;
        return stored(sends);
      },
      10,
      patienceMs,
    );
    const first = gatherer.send(request("first"), context);
    await new Promise(setImmediate);
    const second = gatherer.send(request("second"), context).catch(codeOf);
    nowMs += patienceMs;
    held.resolve();
    await first;
    assert.equal(await second, "timeout");
    assert.equal(batches.length, 1);
  });

  it("makes one batch of a turn, and one of all that comes while it is under way", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { gatherer, batches } = setUp(async (sends) => {
      await held;
      return stored(sends);
    });
    const first = ["a", "b", "c"].map((text) => gatherer.send(request(text), context));
    await new Promise(setImmediate);
    const later = [];
    for (const text of ["d", "e", "f", "g"]) {
      later.push(gatherer.send(request(text), context));
      await new Promise(setImmediate);
    }
    assert.equal(batches.length, 1);
    release();
    const answers = await Promise.all([...first, ...later]);
    assert.deepEqual(
      answers.map(({ message }) => message?.clientId),
      ["a", "b", "c", "d", "e", "f", "g"],
    );
    assert.deepEqual(
      batches.map((sends) => sends.map(({ text }) => text)),
      [
        ["a", "b", "c"],
        ["d", "e", "f", "g"],
      ],
    );
  });

  it("does not let one chat wait for another lane's batch", async () => {
    const { gatherer, batches } = setUp((sends) =>
      sends[0]?.chatId === "chat-00" ? new Promise(() => {}) : stored(sends),
    );
    void gatherer.send(request("stuck"), context);
    await gatherer.send(request("free", "chat-01"), context);
    assert.equal(batches.length, 2);
  });

  it("lets each send succeed or fail alone", async () => {
    const { gatherer } = setUp((sends) =>
      sends.map(({ text }) => {
        if (text === "good") return { message: { text } };
        if (text === "odd") return { errorCode: "__proto__" };
        if (text === "long")
          return { errorCode: "invalid-input", violations: [{ field: "text", message: "too long" }] };
        return { errorCode: "chat-not-found" };
      }),
    );
    const results = await Promise.allSettled(
      ["good", "bad", "odd", "long"].map((text) => gatherer.send(request(text), context)),
    );
    const codes = results.map((one) => (one.status === "fulfilled" ? "ok" : codeOf(one.reason)));
    assert.deepEqual(codes, ["ok", "chat-not-found", "internal", "invalid-input"]);
    const long = results[3] as PromiseRejectedResult;
    assert.deepEqual(toPublicError(long.reason).violations, [{ field: "text", message: "too long" }]);
  });

  it("fails a batch as a whole when the messenger is away, and goes on with the next", async () => {
    let isAway = true;
    const { gatherer } = setUp((sends) => {
      if (isAway) throw fault("unavailable");
      return stored(sends);
    });
    await assert.rejects(gatherer.send(request("x"), context), (error) => codeOf(error) === "unavailable");
    isAway = false;
    assert.equal((await gatherer.send(request("y"), context)).message?.clientId, "y");
  });

  it("chooses a client id where the client chose none", async () => {
    const { gatherer, batches } = setUp(stored);
    await gatherer.send(request("x", "chat", ""), context);
    assert.match(batches[0]?.[0]?.clientId ?? "", /^[0-9a-f-]{36}$/);
  });

  it("refuses more than it may hold, and the unauthenticated", async () => {
    const { gatherer } = setUp(() => new Promise(() => {}), 2);
    void gatherer.send(request("1"), context);
    void gatherer.send(request("2"), context);
    await assert.rejects(gatherer.send(request("3"), context), (error) => codeOf(error) === "overloaded");
    const stranger = { ...context, caller: undefined };
    await assert.rejects(
      gatherer.send(request("4"), stranger),
      (error) => codeOf(error) === "unauthenticated",
    );
  });
});
