/** Answers that tell of a failure instead of being an error: a batch of sends has an outcome for each of them. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { MessengerInternalService, type SendMessagesResponse } from "@parley/api/internal/messenger";
import { isFailure } from "#platform/circuit/outcome.ts";
import { type ErrorCode, errorKinds } from "#platform/errors.ts";

/** The code of the failure. A batch is as good as the best of its sends: one that is poison fails alone. */
export function answerFailure(method: DescMethod, answer: Message): string | undefined {
  if (method !== MessengerInternalService.method.sendMessages) return undefined;
  let failure: string | undefined;
  for (const { message, errorCode } of (answer as SendMessagesResponse).outcomes) {
    if (message) return undefined;
    if (Object.hasOwn(errorKinds, errorCode) && isFailure(errorCode as ErrorCode)) failure ??= errorCode;
  }
  return failure;
}
