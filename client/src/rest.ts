/** Calls with the session's token. Idempotent ones are tried again when the server is away for the moment. */
import { isTokenRefused } from "./error.ts";
import { exchange, type HttpOptions, type HttpRequest } from "./http.ts";
import { type Persistence, persist } from "./persist.ts";
import type { Session } from "./session.ts";

export interface Rest {
  call<T>(
    method: HttpRequest["method"],
    path: string,
    body?: unknown,
    options?: Pick<HttpRequest, "signal">,
  ): Promise<T>;
}

export interface RestOptions {
  http: HttpOptions;
  session: Session;
  persistence: Persistence;
}

/** GET and PUT may be repeated without changing what happens; POST, PATCH and DELETE are left to the caller. */
const repeatable = new Set(["GET", "PUT"]);

export function createRest({ http, session, persistence }: RestOptions): Rest {
  async function authorised<T>(request: HttpRequest): Promise<T> {
    const accessToken = await session.accessToken();
    request.signal?.throwIfAborted();
    try {
      return await exchange<T>(http, { ...request, accessToken });
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      return exchange<T>(http, { ...request, accessToken: await session.renew(accessToken) });
    }
  }

  return {
    call<T>(
      method: HttpRequest["method"],
      path: string,
      body?: unknown,
      options: { signal?: AbortSignal } = {},
    ) {
      const request: HttpRequest = { method, path, ...options, ...(body === undefined ? {} : { body }) };
      if (!repeatable.has(method)) return authorised<T>(request);
      return persist(persistence, () => authorised<T>(request), { signal: options.signal });
    },
  };
}

type QueryValue = string | number | undefined | readonly string[];

/** A path with its values encoded: path`/v2/chats/${chatId}`. */
export function path(strings: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: strings }, ...values.map(encodeURIComponent));
}

export function query(values: Record<string, QueryValue>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value)) for (const item of value) search.append(name, item);
    else if (value !== undefined) search.append(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
