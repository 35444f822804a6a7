/** Who may call a service, and who may not: whatever else is shown, it takes a credential made from the service token. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { MessengerService } from "@parley/api/v2/messenger";
import { ProcessService } from "@parley/api/v2/process";
import { actorHeader, actorHeaders } from "#platform/actor.ts";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { newPerson, signIn } from "#test/people.ts";
import { withoutRedis } from "#test/redis-server.ts";
import { startRolesApart } from "#test/roles-apart.ts";
import { until } from "#test/until.ts";
import { freePort } from "../../scripts/pods/free-port.ts";

describe("the service port", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const lines: Record<string, string[]> = {};
  const optionsOf = (role: string) => {
    const own: string[] = [];
    lines[role] = own;
    return { log: createLog("info", { write: (line) => void own.push(line) }) };
  };
  const roles = await startRolesApart({}, optionsOf);
  const gateway = await roles.startGateway();
  const alice = await newPerson(gateway.url, "Alice");
  const { id: chatId = "" } = await alice.client.createChat({
    kind: "group",
    title: "secret title",
    memberIds: [],
  });
  const { token: accessToken } = await signIn(gateway.url, alice.email);
  const asAlice = { userId: alice.id, sessionId: "", roles: [] };

  const messenger = createClient(
    MessengerService,
    createGrpcTransport({ baseUrl: roles.urls.PARLEY_MESSENGER_URL }),
  );
  const codeOf = (headers: Record<string, string>) =>
    messenger.getChat({ chatId }, { headers, timeoutMs: 5_000 }).then(
      () => "ok",
      (error) => toPublicError(error).code,
    );

  async function credentialOf(actor: Record<string, string>, audience = "messenger") {
    const sign = createSignHeaders(audience, {
      serviceTokens: [roles.serviceToken],
      clock: { now: Date.now },
    });
    const headers = { ...actor };
    await sign(headers);
    return headers.authorization!;
  }

  test("a call with a gateway's credential passes", async () => {
    assert.equal(await codeOf({ authorization: await credentialOf(actorHeaders(asAlice)) }), "ok");
  });

  test("whatever else is shown is refused", async () => {
    const statement = actorHeaders(asAlice);
    const [head, , signature] = (await credentialOf({})).split(".");
    const forged = { iss: "parley", aud: "messenger", exp: Date.now(), act: statement[actorHeader] };
    const body = Buffer.from(JSON.stringify(forged)).toString("base64url");
    const shown = {
      "nothing but the statement": statement,
      "a stolen access token": { authorization: `Bearer ${accessToken}`, ...statement },
      "a credential whose actor was changed": { authorization: `${head}.${body}.${signature}` },
      "a credential for another service": { authorization: await credentialOf(statement, "identity") },
      "the service token itself": { authorization: `Bearer ${roles.serviceToken}` },
    };
    for (const [what, headers] of Object.entries(shown)) {
      assert.equal(await codeOf(headers), "service-refused", what);
    }
  });

  test("dispatch, which may spend money, is as closed", async () => {
    const { listProcessors } = createClient(
      ProcessService,
      createGrpcTransport({ baseUrl: roles.urls.PARLEY_DISPATCH_URL }),
    );
    const codeOfList = (headers: Record<string, string>) =>
      listProcessors({}, { headers, timeoutMs: 5_000 }).then(
        () => "ok",
        (error) => toPublicError(error).code,
      );
    const statement = actorHeaders({ ...asAlice, roles: ["paid"] });
    assert.equal(await codeOfList({ authorization: await credentialOf(statement, "dispatch") }), "ok");
    for (const headers of [
      statement,
      { authorization: `Bearer ${accessToken}`, ...statement },
      { authorization: await credentialOf(statement, "messenger") },
    ]) {
      assert.equal(await codeOfList(headers), "service-refused");
    }
  });

  test("a credential for nobody does not make the statement beside it believed", async () => {
    const authorization = await credentialOf({});
    assert.equal(await codeOf({ authorization, ...actorHeaders(asAlice) }), "unauthenticated");
  });

  test("a gateway with another token takes no traffic, says why, and so do the services", async () => {
    const wrongToken = randomBytes(32).toString("base64");
    const ownLines: string[] = [];
    const log = createLog("info", { write: (line) => void ownLines.push(line) });
    const stop = new AbortController();
    const opsPort = await freePort();
    const settings = { PARLEY_SERVICE_TOKEN: wrongToken, PARLEY_OPS_PORT: String(opsPort) };
    const starting = roles.startGateway(settings, { log, signal: stop.signal });
    starting.catch(() => {});
    await until("the gateway says so", () =>
      ownLines.some((line) => line.includes("a service does not accept this process")),
    );
    await until("the service says so", () =>
      lines.identity!.some((line) => line.includes("refused a call: its caller has another")),
    );
    const readiness = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
    assert.equal(readiness.status, 503);
    assert.deepEqual(((await readiness.json()) as { waitingFor: string[] }).waitingFor, ["start", "gateway"]);
    stop.abort(new Error("stopped by the test"));
    await assert.rejects(starting);
    const everything = [...ownLines, ...Object.values(lines).flat()].join("\n");
    for (const secret of [wrongToken, roles.serviceToken, accessToken, "secret title"])
      assert.ok(!everything.includes(secret));
  });

  test("a service that has another token than its gateway: 503 for users, never a question to sign in", async () => {
    const other = await startRolesApart();
    const mixed = await roles.startGateway({ PARLEY_MESSENGER_URL: other.urls.PARLEY_MESSENGER_URL });
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await fetch(`${mixed.url}/v2/chats/${chatId}`, { headers });
    const { code } = (await response.json()) as { code: string };
    assert.deepEqual([response.status, code], [503, "unavailable"]);
    assert.equal((await fetch(`${mixed.url}/v2/users/me`, { headers })).status, 200);
  });
});
