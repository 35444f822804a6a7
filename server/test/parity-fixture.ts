/** A Parley with three people for the parity suites: Ada and Ben share a chat, Eve is a stranger to it. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { MessengerService } from "@parley/api/v2/messenger";
import { SearchService } from "@parley/api/v2/search";
import { type ParityCaller, parityCallers } from "#test/parity-callers.ts";
import { startParley } from "#test/parley.ts";
import { type Account, createAccount } from "#test/people.ts";
import { until } from "#test/until.ts";

/** Well below the rate at which one may read. */
const pollMs = 30;

export async function startParity() {
  // Each refusal is asked for over each transport, by one user.
  const parley = await startParley();
  const callers = parityCallers(parley);
  const [ada, ben, eve] = (await Promise.all(
    ["Ada", "Ben", "Eve"].map((name) => createAccount(parley.url, name)),
  )) as [Account, Account, Account];
  const { createChat, sendMessage } = MessengerService.method;
  const group = { kind: "group", title: "Parity", memberIds: [ben.id] };
  const { chat } = await result(callers[0]!, createChat, group, ada.token);
  const known = { chatId: chat.id, clientId: "known", text: "known" };
  const { message } = await result(callers[0]!, sendMessage, known, ada.token);
  const searchTaskId = await searchedTask(callers[0]!, ada);
  return {
    parley,
    callers,
    ada,
    ben,
    eve,
    chatId: chat.id as string,
    messageId: message.id as string,
    searchTaskId,
  };
}

/** The id of one that is done, with the message "known". */
export async function searchedTask(caller: ParityCaller, { token }: Account): Promise<string> {
  const { createSearchTask, getSearchTask } = SearchService.method;
  const { task } = await result(caller, createSearchTask, { query: "known" }, token);
  await until(`${caller.name}: the end of a search task`, async () => {
    await delay(pollMs);
    const { task: now } = await result(caller, getSearchTask, { id: task.id }, token);
    return now.status === "done";
  });
  return task.id;
}

export type Parity = Awaited<ReturnType<typeof startParity>>;

/** The result, or a failed test. */
export async function result(
  caller: ParityCaller,
  method: DescMethodUnary,
  params: JsonValue,
  token?: string,
) {
  const answer = await caller.call(method, params, token);
  assert.ok(answer?.result, `${caller.name} ${method.name}: ${JSON.stringify(answer)}`);
  return answer.result;
}
