/**
 * The session: its tokens, refreshed ahead of expiry. A refresh token works once, so refreshing is single-flight in
 * this client, and across the tabs of a browser by the Web Locks API: who waited for the lock finds the new tokens in
 * the store instead of using the old refresh token again.
 */
import type { RefreshResponseJson, SignInResponseJson } from "@parley/api/v2/auth";
import { isTransient, ParleyError } from "./error.ts";
import { exchange, type HttpOptions } from "./http.ts";
import { toUser, type User } from "./shapes.ts";
import type { SessionTokens, TokenStore } from "./token-store.ts";

export interface SessionOptions {
  http: HttpOptions;
  store: TokenStore;
  /** Whether the server also gives the access token as a cookie. */
  setCookie: boolean;
  now: () => number;
  /** After every sign-in and refresh, also one that another tab did. */
  onRenewed: (tokens: SessionTokens) => void;
  /** When the server no longer knows the session, or it was signed out. */
  onEnded: () => void;
}

export interface Session {
  /** undefined while nobody is signed in. */
  readonly user: User | undefined;
  /** Takes up the session of the store, if there is one. */
  restore(): Promise<User | undefined>;
  signIn(email: string, password: string): Promise<User>;
  /** Ends the session here in any case; rejects when the server could not be told. */
  signOut(): Promise<void>;
  /** A token that is good for a while; rejects with "signed-out" when there is no session. */
  accessToken(): Promise<string>;
  /** Fetches a new token; with the token that the server refused, only if that is still the one held. */
  renew(refusedToken?: string): Promise<string>;
  /** Ends the session here: the server has said that it is over. */
  forget(): Promise<void>;
  /** Milliseconds until the token should be renewed; undefined when there is none. */
  renewInMs(): number | undefined;
}

/** A token is renewed this long before it expires, but not before half of its life is over. */
const marginMs = 60_000;

export function createSession(options: SessionOptions): Session {
  const { http, store, now, setCookie } = options;
  let tokens: SessionTokens | undefined;
  let restoring: Promise<void> | undefined;
  let renewing: Promise<string> | undefined;
  let renewAtMs = 0;

  function hold(next: SessionTokens): string {
    tokens = next;
    renewAtMs = next.expiresAtMs - Math.min(marginMs, (next.expiresAtMs - now()) / 2);
    options.onRenewed(next);
    return next.accessToken;
  }

  async function accept(answer: SignInResponseJson | RefreshResponseJson): Promise<string> {
    const { accessToken = "", refreshToken = "", expiresIn = 0 } = answer;
    const next = {
      accessToken,
      refreshToken,
      expiresAtMs: now() + expiresIn * 1000,
      user: toUser(answer.user),
    };
    await store.save(next);
    return hold(next);
  }

  async function end(): Promise<void> {
    tokens = undefined;
    await store.save(undefined);
    options.onEnded();
  }

  async function forget(): Promise<void> {
    const before = tokens;
    if (!before) return;
    const stored = await store.load();
    // Another tab may hold a newer session by now.
    if (stored?.accessToken === before.accessToken) await store.save(undefined);
    if (tokens !== before) return;
    tokens = undefined;
    options.onEnded();
  }

  function restore(): Promise<void> {
    restoring ??= (async () => {
      const stored = await store.load();
      if (stored && !tokens) hold(stored);
    })();
    return restoring;
  }

  async function refresh(refusedToken: string | undefined): Promise<string> {
    const before = tokens;
    const stored = await store.load();
    if (!stored) {
      await end();
      throw new ParleyError("signed-out", { detail: "The session was ended elsewhere" });
    }
    const isNews = stored.accessToken !== before?.accessToken && stored.accessToken !== refusedToken;
    if (isNews && stored.expiresAtMs > now()) return hold(stored);
    try {
      const answer = await postRefresh(http, {
        refreshToken: stored.refreshToken,
        ...(setCookie ? { setCookie } : {}),
      });
      // Meanwhile somebody else may have signed in, or out.
      if (tokens !== before) return session.accessToken();
      return await accept(answer);
    } catch (error) {
      if (!(error instanceof ParleyError) || error.status !== 401) throw error;
      if (tokens === before) await end();
      throw new ParleyError("signed-out", { detail: "The session has ended", cause: error });
    }
  }

  const session: Session = {
    get user() {
      return tokens?.user;
    },
    async restore() {
      await restore();
      return tokens?.user;
    },
    async signIn(email, password) {
      await restore();
      const body = { email, password, ...(setCookie ? { setCookie } : {}) };
      const request = { method: "POST", path: "/v2/auth/sign-in", body } as const;
      const answer = await exchange<SignInResponseJson>(http, request);
      await accept(answer);
      return toUser(answer.user);
    },
    async signOut() {
      try {
        const accessToken = await session.accessToken();
        await exchange(http, { method: "POST", path: "/v2/auth/sign-out", body: {}, accessToken });
      } catch (error) {
        const alreadyOut =
          error instanceof ParleyError && (error.status === 401 || error.code === "signed-out");
        if (!alreadyOut) throw error;
      } finally {
        if (tokens) await end();
      }
    },
    async accessToken() {
      await restore();
      if (!tokens) throw new ParleyError("signed-out", { detail: "Sign in first" });
      if (now() < renewAtMs) return tokens.accessToken;
      const { accessToken, expiresAtMs } = tokens;
      try {
        return await session.renew();
      } catch (error) {
        // Renewing early is a precaution: as long as the old token is good, its failure need not be told.
        if (isTransient(error) && now() < expiresAtMs) return accessToken;
        throw error;
      }
    },
    async renew(refusedToken) {
      await restore();
      if (refusedToken !== undefined && tokens && tokens.accessToken !== refusedToken)
        return tokens.accessToken;
      renewing ??= exclusively(store.lockName, () => refresh(refusedToken)).finally(() => {
        renewing = undefined;
      });
      return renewing;
    },
    forget,
    renewInMs: () => (tokens ? Math.max(0, renewAtMs - now()) : undefined),
  };
  return session;
}

/** An answer may be lost after the token was spent: the server grants the same token again for a few seconds. */
async function postRefresh(
  http: HttpOptions,
  body: { refreshToken: string; setCookie?: boolean },
): Promise<RefreshResponseJson> {
  const request = { method: "POST", path: "/v2/auth/refresh", body } as const;
  try {
    return await exchange<RefreshResponseJson>(http, request);
  } catch (error) {
    if (!(error instanceof ParleyError) || error.code !== "network") throw error;
    return exchange<RefreshResponseJson>(http, request);
  }
}

function exclusively<T>(lockName: string | undefined, run: () => Promise<T>): Promise<T> {
  // Outside secure contexts browsers have no locks; then two tabs that refresh at once rely on the server's grace.
  const locks = lockName === undefined ? undefined : globalThis.navigator?.locks;
  return locks ? (locks.request(lockName!, run) as Promise<T>) : run();
}
