/** Where a session's tokens live between page loads or process starts. */
import type { User } from "./shapes.ts";

export interface SessionTokens {
  accessToken: string;
  /** Works once. */
  refreshToken: string;
  /** By this machine's clock, in ms since 1970. */
  expiresAtMs: number;
  user: User;
}

export interface TokenStore {
  load(): SessionTokens | undefined | Promise<SessionTokens | undefined>;
  /** undefined: the session has ended. */
  save(tokens: SessionTokens | undefined): void | Promise<void>;
  /** Of a store that several tabs share: they refresh one after the other, under a Web Lock of this name. */
  readonly lockName?: string;
}

export function memoryTokenStore(): TokenStore {
  let held: SessionTokens | undefined;
  return {
    load: () => held,
    save(tokens) {
      held = tokens;
    },
  };
}

/** For browsers: all tabs of one origin share the session. */
export function localStorageTokenStore(key = "parley.session"): TokenStore {
  return {
    lockName: key,
    load() {
      const text = localStorage.getItem(key);
      if (!text) return undefined;
      try {
        const tokens = JSON.parse(text) as SessionTokens;
        return typeof tokens.refreshToken === "string" && tokens.user?.id ? tokens : undefined;
      } catch {
        return undefined;
      }
    },
    save(tokens) {
      if (tokens) localStorage.setItem(key, JSON.stringify(tokens));
      else localStorage.removeItem(key);
    },
  };
}
