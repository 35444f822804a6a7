/** Somebody who has texts processed, over REST; and providers for that, simulated, each with its own ledger. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { ProvidersFile } from "#dispatch/providers/providers-file.ts";
import type { ProviderSim } from "#provider-sim/start-provider-sim.ts";
import { password } from "#test/people.ts";

/** As JSON has it. */
export interface ProcessAnswer {
  status: number;
  headers: Headers;
  body: {
    id?: string;
    status?: string;
    result?: string;
    provider?: string;
    cost?: number;
    reason?: string;
    freeOpensAt?: string;
    errorCode?: string;
    code?: string;
    detail?: string;
    retryAfterMs?: number;
  };
}

export interface ProcessCall {
  key?: string;
  inBackground?: boolean;
  processor?: string;
  signal?: AbortSignal;
  traceparent?: string;
}

export async function newCaller(url: string, email = `caller-${randomBytes(6).toString("hex")}@example.com`) {
  await post(url, "/v2/auth/sign-up", { email, password, name: "Caller" });
  return signInCaller(url, email);
}

/** The same one, at another pod or after a restart. */
export async function signInCaller(url: string, email: string) {
  const { body } = await post(url, "/v2/auth/sign-in", { email, password });
  const { accessToken } = body as { accessToken: string };
  const authorization = { authorization: `Bearer ${accessToken}` };
  return {
    email,
    process(
      text: string,
      { key, inBackground, processor, signal, traceparent }: ProcessCall = {},
    ): Promise<ProcessAnswer> {
      const headers = {
        ...authorization,
        ...(key ? { "idempotency-key": `"${key}"` } : {}),
        ...(inBackground ? { prefer: "respond-async" } : {}),
        ...(traceparent ? { traceparent } : {}),
      };
      return post(url, "/v2/process", { text, ...(processor ? { processor } : {}) }, headers, signal);
    },
    find: async (id: string) => toAnswer(await fetch(`${url}/v2/process/${id}`, { headers: authorization })),
    async get<T>(path: string): Promise<T> {
      const response = await fetch(`${url}${path}`, { headers: authorization });
      return (await response.json()) as T;
    },
  };
}

export type ProcessCaller = Awaited<ReturnType<typeof newCaller>>;

async function post(
  url: string,
  path: string,
  body: object,
  headers: Record<string, string> = {},
  signal: AbortSignal | null = null,
): Promise<ProcessAnswer> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  });
  return toAnswer(response);
}

async function toAnswer(response: Response): Promise<ProcessAnswer> {
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as ProcessAnswer["body"],
  };
}

type Entries = Pick<ProvidersFile, "providers"> & Partial<ProvidersFile>;

/** Settings of a Parley with these providers. To be called at the top level of a test file. */
export async function withProviders(file: Entries): Promise<{ PARLEY_PROVIDERS: string }> {
  const folder = await mkdtemp(join(tmpdir(), "parley-providers-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "providers.json");
  const complete = { paidAccess: "everyone", allowPrivateHosts: ["127.0.0.1"], ...file };
  await writeFile(path, JSON.stringify(complete));
  return { PARLEY_PROVIDERS: path };
}

export const urlOf = ({ url }: ProviderSim) => `${url}/process`;
