/** All SQL of identity, by theme. Only these files name a table of the schema `identity`. */
import { type AccountStore, createAccountStore } from "#identity/store-accounts.ts";
import { createSessionStore, type SessionStore } from "#identity/store-sessions.ts";
import { createSigningKeyStore, type SigningKeyStore } from "#identity/store-signing-keys.ts";
import { createUserStore, type UserStore } from "#identity/store-users.ts";
import { createWsTicketStore, type WsTicketStore } from "#identity/store-ws-tickets.ts";
import type { Database, Queryable } from "#platform/database.ts";

export interface IdentityStore {
  readonly users: UserStore;
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly signingKeys: SigningKeyStore;
  readonly wsTickets: WsTicketStore;
  /** For what several of them change together; rolled back when it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
}

export function createStore(database: Database): IdentityStore {
  return {
    users: createUserStore(database),
    accounts: createAccountStore(database),
    sessions: createSessionStore(database),
    signingKeys: createSigningKeyStore(database),
    wsTickets: createWsTicketStore(database),
    transaction: (work) => database.transaction(work),
  };
}
