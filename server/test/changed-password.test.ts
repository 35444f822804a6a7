/** A password that has been changed lets nobody in, also not where HTTP Basic was known by a session of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askOf, createOldAccount } from "#test/old-clients.ts";
import { isSplit, startParley } from "#test/parley.ts";
import { until } from "#test/until.ts";

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

type Known = Awaited<ReturnType<typeof known>>;

/** At once where it was changed; a gateway apart hears of it, and until then goes by what it was told before. */
async function isRefused({ statusOf }: Known, headers: Record<string, string>) {
  if (isSplit) await until("the gateway has heard of it", async () => (await statusOf(headers)) === 401);
  assert.equal(await statusOf(headers), 401);
}

for (const by of ["lab", "handedOut", "octo", "v2"] as const) {
  test(`changed by the credentials of ${by}, the former password is refused`, async () => {
    const person = await known(`changes-by-${by.toLowerCase()}`);
    assert.equal((await person.change(person[by])).status, 200);
    await isRefused(person, person.lab);
    await isRefused(person, person.handedOut);
    assert.equal(await person.statusOf(person.changedBasic), 200);
    // Only octo's own client, which has its cookie, goes on.
    if (by === "octo") assert.equal(await person.statusOf(person.octo), 200);
    else await isRefused(person, person.octo);
  });
}
