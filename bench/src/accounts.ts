/** People for the load, made by the SDK as any client makes them. */
import { randomBytes } from "node:crypto";
import { createParleyClient, memoryTokenStore, type ParleyClient } from "@parley/client";
import { forEachConcurrently } from "./load/concurrently.ts";

export interface Account {
  readonly client: ParleyClient;
  readonly userId: string;
  readonly accessToken: string;
  readonly credentials: { email: string; password: string };
}

/**
 * A thousand accounts at the full cost of a password hash would take most of a minute, which no figure but sign-in is
 * about; sign-in is measured with the default.
 */
export const cheapPasswords = { PARLEY_ARGON2_MEMORY_KIB: "8", PARLEY_ARGON2_PASSES: "1" };

const concurrency = 16;

export async function createAccounts(url: string, count: number): Promise<Account[]> {
  const run = randomBytes(4).toString("hex");
  const accounts: Account[] = [];
  const numbers = Array.from({ length: count }, (_, number) => number);
  await forEachConcurrently(numbers, concurrency, async (number) => {
    accounts[number] = await createAccount(url, `bench-${run}-${number}@example.com`);
  });
  return accounts;
}

export async function createAccount(url: string, email: string): Promise<Account> {
  const tokenStore = memoryTokenStore();
  const client = createParleyClient({ url, tokenStore });
  const credentials = { email, password: randomBytes(12).toString("base64url") };
  await client.signUp({ ...credentials, name: email.split("@")[0]! });
  const user = await client.signIn(credentials);
  const tokens = await tokenStore.load();
  if (!tokens) throw new Error("signed in without a token");
  return { client, userId: user.id, accessToken: tokens.accessToken, credentials };
}
