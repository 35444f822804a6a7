/** An identity service on a real database, called as the gateway calls it, at a time of day that tests set. */
import { strict as assert } from "node:assert";
import { after } from "node:test";
import { type Client, createClient } from "@connectrpc/connect";
import type { BusMessage } from "@parley/api/internal/bus";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { AuthService } from "@parley/api/v2/auth";
import { UserService } from "@parley/api/v2/user";
import { decodeJwt } from "jose";
import { type IdentityConfig, identitySettings } from "#identity/config.ts";
import { createIdentity, type IdentityOptions } from "#identity/service.ts";
import { type Actor, actorHeaders } from "#platform/actor.ts";
import { createLocalBus, topics } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import type { Service } from "#platform/service.ts";
import { readSettings } from "#platform/settings.ts";

const testSecretKey = new Uint8Array(32).fill(7);

export interface TestClock extends Clock {
  advance(by: { ms?: number; seconds?: number; days?: number }): void;
}

export function createTestClock(startMs = Date.UTC(2030, 0, 1)): TestClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance({ ms = 0, seconds = 0, days = 0 }) {
      nowMs += ms + seconds * 1_000 + days * 86_400_000;
    },
  };
}

/** The defaults, with the cheapest password hashing there is. */
export function identityConfig(overrides: Partial<IdentityConfig> = {}): IdentityConfig {
  const cheap = { PARLEY_ARGON2_MEMORY_KIB: 32, PARLEY_ARGON2_PASSES: 1 };
  return { ...readSettings(identitySettings, {}, []), ...cheap, ...overrides };
}

export function identityDeps(database: Database, overrides: Partial<IdentityOptions> = {}): IdentityOptions {
  return {
    config: identityConfig(),
    database,
    bus: createLocalBus((error) => {
      throw error;
    }),
    clock: createTestClock(),
    log: createLog("silent"),
    secretKey: testSecretKey,
    ...overrides,
  };
}

export interface IdentityClients {
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UserService>;
  readonly internal: Client<typeof IdentityInternalService>;
}

export function clientsOf(routes: Service["routes"]): IdentityClients {
  const transport = createDirectTransport(routes);
  return {
    auth: createClient(AuthService, transport),
    users: createClient(UserService, transport),
    internal: createClient(IdentityInternalService, transport),
  };
}

/** Stopped after the tests of the file. */
export async function startIdentity(deps: IdentityOptions): Promise<IdentityClients> {
  const service = createIdentity(deps);
  after(() => service.stop());
  const clients = clientsOf((router) => service.routes(router));
  await service.start();
  return clients;
}

export interface SignedIn {
  readonly actor: Actor;
  readonly headers: Record<string, string>;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
}

let accounts = 0;

export const goodPassword = "correct horse battery";

/** A new account under an address of its own. */
export async function signUp({ auth }: Pick<IdentityClients, "auth">, name = "Ada"): Promise<string> {
  const email = `user-${++accounts}@example.com`;
  await auth.signUp({ email, password: goodPassword, name });
  return email;
}

export async function signIn(
  { auth }: Pick<IdentityClients, "auth">,
  email: string,
  headers: Record<string, string> = {},
): Promise<SignedIn> {
  const { accessToken, refreshToken, expiresIn } = await auth.signIn(
    { email, password: goodPassword },
    { headers },
  );
  const { sub, sid, roles = [] } = decodeJwt<{ sid: string; roles?: string[] }>(accessToken);
  const actor = { userId: sub!, sessionId: sid, roles };
  return { actor, headers: actorHeaders(actor), accessToken, refreshToken, expiresIn };
}

/** Whose token it is, and of which session. */
export function holderOf({ accessToken }: { accessToken: string }): { userId: string; sessionId: string } {
  const { sub, sid } = decodeJwt<{ sid: string }>(accessToken);
  return { userId: sub!, sessionId: sid };
}

/** A new account and its first session. */
export async function newUser(clients: Pick<IdentityClients, "auth">, name?: string): Promise<SignedIn> {
  return signIn(clients, await signUp(clients, name));
}

export async function expectFault(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.equal(toPublicError(error).code, code);
    return true;
  });
}

/** Ids of ended sessions as gateways hear of them. */
export async function recordEnded(deps: Pick<IdentityOptions, "bus">, userId: string) {
  const heard = { byAll: [] as string[], byUser: [] as string[] };
  const into = (list: string[]) => (message: BusMessage) => void list.push(...message.endedSessionIds);
  await deps.bus.subscribe(topics.sessions, into(heard.byAll));
  await deps.bus.subscribe(topics.user(userId), into(heard.byUser));
  return heard;
}
