/** People who use a Parley under test, through the SDK, as a product's own code would. */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { createParleyClient, type ParleyClient, type ParleyClientOptions } from "@parley/client";

export const password = "correct horse battery";

export interface Person {
  readonly client: ParleyClient;
  readonly id: string;
  readonly email: string;
}

/** Signs up under a fresh address, and signs in. */
export async function newPerson(
  url: string,
  name = "Somebody",
  options: Partial<ParleyClientOptions> = {},
): Promise<Person> {
  const email = `${name.toLowerCase()}-${randomBytes(6).toString("hex")}@example.com`;
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
