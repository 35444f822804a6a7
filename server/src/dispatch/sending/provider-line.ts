/** The way to one provider: its connections, and all that is the same for each request. */
import { Pool } from "undici";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import type { Adapter } from "#dispatch/sending/adapters/adapter.ts";
import { adapters } from "#dispatch/sending/adapters/adapters.ts";
import { Exchange, type ExchangeLine } from "#dispatch/sending/exchange.ts";
import type { LineObserver } from "#dispatch/sending/line-observer.ts";
import { urlProblem } from "#dispatch/sending/provider-url.ts";
import { createPublicLookup, type ResolveAll } from "#dispatch/sending/public-lookup.ts";
import type { ProviderRequest, SendOutcome } from "#dispatch/sending/sender.ts";

const longestConnectMs = 5_000;

export interface ProviderLineOptions {
  /** As parseHost gives them. */
  privateHosts: ReadonlySet<string>;
  resolve: ResolveAll | undefined;
  observer: LineObserver;
}

export class ProviderLine implements ExchangeLine {
  readonly adapter: Adapter;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly patienceMs: number;
  readonly open = new Set<Exchange>();
  waiting = 0;
  readonly #provider: Provider;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: readonly string[];
  readonly #isForbidden: boolean;
  readonly #observer: LineObserver;

  constructor(provider: Provider, { privateHosts, resolve, observer }: ProviderLineOptions) {
    const { url } = provider;
    this.#provider = provider;
    this.timeoutMs = provider.timeoutMs;
    this.adapter = adapters[provider.adapter];
    this.connectTimeoutMs = Math.min(provider.timeoutMs, longestConnectMs);
    this.patienceMs = this.connectTimeoutMs / 2;
    this.#observer = observer;
    this.#path = pathOf(url, this.adapter);
    this.#headers = headersOf(provider);
    this.#isForbidden = urlProblem(url, privateHosts) !== undefined;
    this.#pool = new Pool(url.origin, {
      connections: provider.concurrency,
      pipelining: 1,
      // A provider that speaks HTTP/2 would get several requests on a connection, and all would be lost with it.
      allowH2: false,
      // Each request has a deadline of its own, for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { lookup: createPublicLookup(privateHosts, resolve), timeout: this.connectTimeoutMs },
    });
  }

  send(request: ProviderRequest): Promise<SendOutcome> {
    return new Promise((resolve) => {
      const refusal = this.#refusal(request);
      if (refusal) return resolve(refusal);
      const body = JSON.stringify(this.#encode(request));
      const exchange = new Exchange(this, request, resolve);
      // What is wrong with the request itself, e.g. a header that cannot be, comes as onResponseError as well.
      this.#pool.dispatch(
        { method: "POST", path: this.#path, headers: this.#headersFor(request), body },
        exchange,
      );
    });
  }

  ended(outcome: SendOutcome, sentAtMs: number | undefined, error: Error | undefined): void {
    this.#observer.ended(outcome, sentAtMs, error);
  }

  async stop(): Promise<void> {
    for (const exchange of [...this.open]) exchange.cancel();
    await this.#pool.destroy();
  }

  #refusal({ signal }: ProviderRequest): SendOutcome | undefined {
    if (signal?.aborted || this.#pool.destroyed) return { kind: "unsent", reason: "cancelled" };
    if (this.#isForbidden) return { kind: "unsent", reason: "private-network" };
    // Callers come and go while connecting takes long: what they leave behind in line is bounded.
    if (this.waiting >= 2 * this.#provider.concurrency) return { kind: "unsent", reason: "connect" };
    return undefined;
  }

  #encode({ text, options }: ProviderRequest) {
    return this.adapter.encode(text, { ...this.#provider.options, ...options });
  }

  #headersFor({ requestId }: ProviderRequest): string[] {
    const { idempotencyHeader } = this.#provider;
    return idempotencyHeader ? [...this.#headers, idempotencyHeader, requestId] : (this.#headers as string[]);
  }
}

function pathOf(url: URL, { path }: Adapter): string {
  const base = url.pathname.replace(/\/$/, "");
  return `${path && !base.endsWith(path) ? base + path : url.pathname}${url.search}`;
}

function headersOf(provider: Provider): string[] {
  return Object.entries({
    "content-type": "application/json",
    accept: "application/json",
    // A compressed answer could be a thousand times as large as its bytes.
    "accept-encoding": "identity",
    "user-agent": "parley",
    ...provider.headers,
  }).flat();
}
