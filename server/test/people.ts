/** People who use a Parley under test: through the SDK, as a product's own code would, or with a token by requests of the test's own. */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { createParleyClient, type ParleyClient, type ParleyClientOptions } from "@parley/client";

export const password = "correct horse battery";

export interface Person {
  readonly client: ParleyClient;
  readonly id: string;
  readonly email: string;
}

/** Somebody without an SDK. */
export interface Account {
  readonly email: string;
  readonly id: string;
  readonly token: string;
}

/** Signs up under a fresh address, and signs in. */
export async function newPerson(
  url: string,
  name = "Somebody",
  options: Partial<ParleyClientOptions> = {},
): Promise<Person> {
  const email = freshAddress(name);
  const client = createParleyClient({ url, ...options });
  after(() => client.close());
  await client.signUp({ email, password, name });
  const { id } = await client.signIn({ email, password });
  return { client, id: id ?? "", email };
}

/** The same person on another device, or on the server's next run. */
export async function signedIn(
  url: string,
  email: string,
  options: Partial<ParleyClientOptions> = {},
): Promise<ParleyClient> {
  const client = createParleyClient({ url, ...options });
  after(() => client.close());
  await client.signIn({ email, password });
  return client;
}

/** As newPerson. */
export async function createAccount(url: string, name: string): Promise<Account> {
  const email = freshAddress(name);
  await post(`${url}/v2/auth/sign-up`, { email, password, name });
  return signIn(url, email);
}

/** A new session. */
export async function signIn(url: string, email: string): Promise<Account> {
  const { accessToken, user } = await post(`${url}/v2/auth/sign-in`, { email, password });
  return { email, id: user.id, token: accessToken };
}

function freshAddress(name: string): string {
  return `${name.toLowerCase()}-${randomBytes(6).toString("hex")}@example.com`;
}

async function post(url: string, json: object) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(json) });
  if (!response.ok) throw new Error(`${url}: ${await response.text()}`);
  return response.json();
}
