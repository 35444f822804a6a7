/** A Parley with three people for the parity suites: Ada and Ben share a chat, Eve is a stranger to it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { MessengerService } from "@parley/api/v2/messenger";
import { type ParityCaller, parityCallers } from "#test/parity-callers.ts";
import { startParley, type TestParley } from "#test/parley.ts";

export async function startParity() {
  const parley = await startParley();
  const callers = parityCallers(parley);
  const [ada, ben, eve] = (await Promise.all(
    ["Ada", "Ben", "Eve"].map((name) => createAccount(parley, name)),
  )) as [Account, Account, Account];
  const { createChat, sendMessage } = MessengerService.method;
  const group = { kind: "group", title: "Parity", memberIds: [ben.userId] };
  const { chat } = await result(callers[0]!, createChat, group, ada.token);
  const known = { chatId: chat.id, clientId: "known", text: "known" };
  const { message } = await result(callers[0]!, sendMessage, known, ada.token);
  return { parley, callers, ada, ben, eve, chatId: chat.id as string, messageId: message.id as string };
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

export interface Account {
  email: string;
  userId: string;
  token: string;
}

export const password = "correct horse battery";

export async function createAccount(parley: TestParley, name: string): Promise<Account> {
  const email = `${name.toLowerCase()}-${randomUUID()}@example.com`;
  await post(parley, "/v2/auth/sign-up", { email, password, name });
  return signIn(parley, email);
}

/** A new session. */
export async function signIn(parley: TestParley, email: string): Promise<Account> {
  const { accessToken, user } = await post(parley, "/v2/auth/sign-in", { email, password });
  return { email, userId: user.id, token: accessToken };
}

async function post({ url }: TestParley, path: string, json: object) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(json) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}
