/** Sign-ins: bound by the password hash, which is meant to be slow. */
import { createParleyClient } from "@parley/client";
import { createAccount } from "../accounts.ts";
import type { BenchCase, CaseOptions, CaseResult } from "../case.ts";
import { startServer } from "../process/server-process.ts";
import { tell } from "../progress.ts";
import { repeat, repeated } from "../statistics.ts";

const lanes = 8;
const rounds = 3;

export const signInCase: BenchCase = {
  name: "sign-in",
  about: "sign-ins, at the default cost of the password hash",
  run,
};

async function run({ windowMs }: CaseOptions): Promise<CaseResult> {
  await using server = await startServer();
  tell("sign-in: signing in");
  const { credentials } = await createAccount(server.url, "bench@example.com");
  const signIn = async () => {
    const client = createParleyClient({ url: server.url });
    await client.signIn(credentials);
    client.close();
  };
  await signIn();
  return {
    measures: [
      {
        name: "sign-ins",
        unit: "sign-ins/s",
        value: repeated(await repeat(rounds, () => countPerSecond(windowMs, signIn))),
      },
    ],
    notes: [
      `${lanes} at a time in a closed loop; the hash (argon2id, 19 MiB, two passes) takes nearly all of it, and is meant to.`,
    ],
  };
}

async function countPerSecond(windowMs: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let count = 0;
  const lane = async () => {
    for (; performance.now() - startedAt < windowMs; count++) await work();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (count * 1_000) / (performance.now() - startedAt);
}
