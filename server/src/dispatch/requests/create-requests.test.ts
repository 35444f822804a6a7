import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createRequests, type RequestsOptions } from "#dispatch/requests/create-requests.ts";
import { createHeldRequests } from "#dispatch/requests/held-requests.ts";
import { addedRow } from "#dispatch/requests/new-request.ts";
import type { NewRow, RequestRow } from "#dispatch/requests/request-row.ts";
import { testCatalogue, testProvider } from "#test/fake-dispatch-parts.ts";

const processor = testCatalogue([testProvider("free")]).processors.get("default")!;
const request = { userId: "anna", key: "k", processor, text: "hello", mayUsePaid: false };

/** With one request, which never ends. */
function start() {
  let row: RequestRow | undefined;
  const options = {
    store: { promote: async () => row && { ...row, inBackground: true } },
    writes: {
      async add(added: NewRow) {
        row = addedRow(added, new Date(0));
        return row.createdAt;
      },
    },
    held: createHeldRequests(),
    runner: { run: () => new Promise<never>(() => {}) },
    owner: "owner",
    maxWaitingPerUser: 1,
    wake() {},
  };
  return createRequests(options as unknown as RequestsOptions);
}

for (const [timeoutMs, answeredAfterMs] of [
  [1_000, 900],
  [20_000, 19_500],
] as const) {
  test(`a caller with ${timeoutMs} ms is told how it stands before they are over`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const answers: string[] = [];
    void start()
      .attend(request, timeoutMs)
      .then(({ status }) => answers.push(status));
    await turn();
    t.mock.timers.tick(answeredAfterMs);
    await turn();
    assert.deepEqual(answers, ["waiting"]);
  });
}
