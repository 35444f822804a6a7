/** A dispatch that does what a test says, with the calls it got. What it once made of a key it answers again. */
import type { ProcessMessageRequest, ProcessMessageResponse } from "@parley/api/internal/dispatch";
import type { MessengerClients } from "#messenger/clients.ts";

type Answer = Partial<Pick<ProcessMessageResponse, "status" | "result" | "retryAfterMs" | "errorCode">>;

export interface FakeDispatch extends Pick<MessengerClients, "process" | "dispatch"> {
  /** Every call, repetitions too. */
  readonly calls: ProcessMessageRequest[];
  /** How often something was made of a text that had not been before. */
  processedOnce: number;
  listCalls: number;
  /** Awaited before an answer; may throw. The default makes upper case of texts. */
  answer: (request: ProcessMessageRequest, signal: AbortSignal | undefined) => Promise<Answer> | Answer;
  /** Thrown by listProcessors when set. */
  listError: unknown;
  processorIds: string[];
}

export function createFakeDispatch(): FakeDispatch {
  const outcomes = new Map<string, Answer>();
  const fake: FakeDispatch = {
    calls: [],
    processedOnce: 0,
    listCalls: 0,
    listError: undefined,
    processorIds: ["default", "shout"],
    answer: ({ text }) => ({ result: text.toUpperCase() }),
    process: {
      async listProcessors() {
        fake.listCalls += 1;
        if (fake.listError) throw fake.listError;
        const processors = fake.processorIds.map((id) => ({
          $typeName: "parley.v2.Processor" as const,
          id,
          about: `About ${id}`,
          maxTextBytes: 1_000,
        }));
        return { $typeName: "parley.v2.ListProcessorsResponse", processors };
      },
    },
    dispatch: {
      async processMessage(init, options) {
        const request = init as ProcessMessageRequest;
        fake.calls.push(request);
        const answer =
          outcomes.get(request.idempotencyKey) ?? (await fake.answer(request, options?.signal ?? undefined));
        const whole: ProcessMessageResponse = {
          $typeName: "parley.internal.v1.ProcessMessageResponse",
          status: "done",
          result: "",
          provider: "free",
          retryAfterMs: 0,
          errorCode: "",
          ...answer,
        };
        if (whole.status === "done" && !outcomes.has(request.idempotencyKey)) {
          outcomes.set(request.idempotencyKey, answer);
          fake.processedOnce += 1;
        }
        return whole;
      },
    },
  };
  return fake;
}
