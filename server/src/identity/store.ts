/** All SQL of identity, by theme. Only these files name a table of the schema `identity`. */
import { createSessionStore, type SessionStore } from "#identity/store-sessions.ts";
import { createSigningKeyStore, type SigningKeyStore } from "#identity/store-signing-keys.ts";
import { createUserStore, type UserStore } from "#identity/store-users.ts";
import { createWsTicketStore, type WsTicketStore } from "#identity/store-ws-tickets.ts";
import type { Database } from "#platform/database.ts";

export interface IdentityStore {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly signingKeys: SigningKeyStore;
  readonly wsTickets: WsTicketStore;
}

export function createStore(database: Database): IdentityStore {
  return {
    users: createUserStore(database),
    sessions: createSessionStore(database),
    signingKeys: createSigningKeyStore(database),
    wsTickets: createWsTicketStore(database),
  };
}
