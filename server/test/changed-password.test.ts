/** A password that has been changed lets nobody in, also not where HTTP Basic was known by a session of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askOf, createOldAccount } from "#test/old-clients.ts";
import { startParley } from "#test/parley.ts";

const parley = await startParley({ PARLEY_THROTTLING: "off" });
const ask = askOf(parley.url);

async function known(login: string) {
  const person = await createOldAccount(ask, login);
  const { lab } = person.credentials;
  const { body, status } = await ask("GET /auth", { headers: lab });
  assert.equal(status, 200);
  return {
    ...person.credentials,
    handedOut: { authorization: `Bearer ${body.token}` },
    change: (headers: Record<string, string>) =>
      ask("PATCH /users/me", { headers, json: { password: "changed" } }),
    statusOf: async (headers: Record<string, string>) => (await ask("GET /auth_check", { headers })).status,
    changedBasic: { authorization: `Basic ${btoa(`${login}:changed`)}` },
  };
}

for (const by of ["lab", "handedOut", "octo", "v2"] as const) {
  test(`changed by the credentials of ${by}, the former password is refused`, async () => {
    const person = await known(`changes-by-${by.toLowerCase()}`);
    assert.equal((await person.change(person[by])).status, 200);
    assert.equal(await person.statusOf(person.lab), 401);
    assert.equal(await person.statusOf(person.handedOut), 401);
    assert.equal(await person.statusOf(person.changedBasic), 200);
    // Only octo's own client, which has its cookie, goes on.
    assert.equal(await person.statusOf(person.octo), by === "octo" ? 200 : 401);
  });
}
