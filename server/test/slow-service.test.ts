/** A messenger that answers two seconds late, and one whose bulkhead is full: what it costs, and whom. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { startConversation } from "#test/conversation.ts";
import { password } from "#test/people.ts";
import { withoutRedis } from "#test/redis-server.ts";
import { startRolesApart } from "#test/roles-apart.ts";
import { startSlowLine } from "#test/slow-line.ts";
import { until } from "#test/until.ts";

const slowMs = 2_000;
const adminEmail = `admin-${randomUUID()}@example.com`;

interface Answer {
  status: number;
  retryAfter: string | null;
  code: string | undefined;
  body: Record<string, unknown>;
}

interface CircuitJson {
  service: string;
  state: string;
  transitions: { to: string; reason?: string }[];
}

describe("a service that is slow", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const roles = await startRolesApart({ PARLEY_ADMIN_EMAILS: adminEmail, PARLEY_CACHE: "off" });
  const line = await startSlowLine(roles.urls.PARLEY_MESSENGER_URL);
  const gatewayWith = (settings: Record<string, string>) =>
    roles.startGateway({ PARLEY_MESSENGER_URL: line.url, ...settings });
  const patient = await gatewayWith({});
  const hasty = await gatewayWith({
    PARLEY_CIRCUIT_SLOW_MS: "500",
    PARLEY_CIRCUIT_MIN_CALLS: "5",
    PARLEY_CIRCUIT_OPEN_MS: "300",
    PARLEY_CIRCUIT_OPEN_MAX_MS: "600",
  });
  const narrow = await gatewayWith({
    PARLEY_BULKHEAD_MAX_CALLS: "4",
    PARLEY_BULKHEAD_MAX_WAITING: "2",
    PARLEY_BULKHEAD_MAX_WAIT_MS: "300",
    PARLEY_CALLER_MAX_UNDER_WAY: "100",
  });
  await request(patient.url, "POST", "/v2/auth/sign-up", "", { email: adminEmail, password, name: "Admin" });
  const admin = await tokenOf(adminEmail);

  async function request(url: string, method: string, path: string, token: string, sent?: object) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(
      url + path,
      sent ? { method, headers, body: JSON.stringify(sent) } : { method, headers },
    );
    const body = (await response.json()) as Answer["body"];
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, retryAfter, code: body.code as string | undefined, body };
  }

  async function tokenOf(email: string): Promise<string> {
    const { body } = await request(patient.url, "POST", "/v2/auth/sign-in", "", { email, password });
    return String(body.accessToken);
  }

  async function messengerCircuit(url: string): Promise<CircuitJson> {
    const { body } = await request(url, "GET", "/v2/admin/circuits", admin);
    return (body.circuits as CircuitJson[]).find(({ service }) => service === "messenger")!;
  }

  async function talkAt(url: string) {
    const conversation = await startConversation([url], 2);
    const token = await tokenOf(conversation.people[0]!.email);
    const path = `/v2/chats/${conversation.chatId}`;
    return {
      conversation,
      readChat: () => request(url, "GET", path, token),
      readMe: () => request(url, "GET", "/v2/users/me", token),
    };
  }

  test("by two seconds: calls take that long, nothing is refused, nothing is lost", async () => {
    const { conversation, readChat } = await talkAt(patient.url);
    await conversation.progress(20);
    line.delayMs = slowMs;
    const startedAtMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 30 }, readChat));
    assert.ok(performance.now() - startedAtMs >= slowMs, "the line was slow");
    assert.ok(answers.every(({ status }) => status === 200));
    await conversation.progress(2);
    line.delayMs = 0;
    await conversation.progress(20);
    await conversation.end();
    await conversation.verify();
    const { state, transitions } = await messengerCircuit(patient.url);
    assert.deepEqual([state, transitions], ["closed", []]);
  });

  test("by more than is allowed: the circuit opens, callers are told at once, others are not touched; it heals", async () => {
    const { conversation, readChat, readMe } = await talkAt(hasty.url);
    await conversation.progress(20);
    line.delayMs = slowMs;
    let refused: Answer | undefined;
    await until("the circuit opens", async () => {
      refused = await readChat();
      return refused.code === "circuit-open";
    });
    // Another call might already be the one that tries whether it heals.
    assert.deepEqual([refused?.status, refused?.retryAfter], [503, "1"]);
    assert.equal((await readMe()).status, 200);
    line.delayMs = 0;
    await until("it heals", async () => (await readChat()).status === 200);
    await conversation.progress(20);
    await conversation.end();
    await conversation.verify();
    await until("it closes", async () => (await messengerCircuit(hasty.url)).state === "closed");
  });

  test("a full bulkhead refuses at once, says when to come again, and is no failure of the service", async () => {
    const { conversation, readChat, readMe } = await talkAt(narrow.url);
    await conversation.end();
    line.delayMs = slowMs;
    const finished: Answer[] = [];
    const calls = Array.from({ length: 20 }, async () => void finished.push(await readChat()));
    await until("most are refused", () => finished.length >= 14);
    assert.ok(
      finished.every(({ code }) => code === "overloaded"),
      "before anybody was answered",
    );
    assert.deepEqual([finished[0]?.status, finished[0]?.retryAfter], [503, "1"]);
    assert.equal((await readMe()).status, 200, "another service has its own bulkhead");
    await Promise.all(calls);
    assert.ok(finished.some(({ status }) => status === 200));
    line.delayMs = 0;
    await until("it answers again", async () => (await readChat()).status === 200);
    const { state, transitions } = await messengerCircuit(narrow.url);
    assert.deepEqual([state, transitions], ["closed", []]);
    await conversation.verify();
  });
});
