/** One request to one provider over HTTP, and what came of it. Knows nothing of quotas and prices. */
import type { Provider } from "#dispatch/providers/catalogue.ts";

export interface ProviderRequest {
  readonly text: string;
  /** Of the processor. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Goes into the provider's idempotencyHeader, if it has one; the same for each attempt. */
  readonly requestId: string;
  /** Aborts when nobody waits any more: then it is not sent, or given up. */
  readonly signal: AbortSignal | undefined;
  /** How long the caller waits; besides, the provider has a timeout of its own. When this is the less, it is "cancelled". */
  readonly timeoutMs: number;
  /** Called once, immediately before the request is handed to a connection. False: do not send ("unsent", "too-late"). */
  readonly onSend: () => boolean;
}

export type SendOutcome =
  | { readonly kind: "done"; readonly result: string }
  /** 429. */
  | { readonly kind: "refused"; readonly retryAfterMs: number | undefined }
  /** The provider judged the text: 400, 413, 422. Another one would hardly judge otherwise. */
  | { readonly kind: "rejected"; readonly reason: string }
  /** It answered, and the answer is of no use. The reason is a code: "http-500", "not-json", "no-result", "too-large"… */
  | { readonly kind: "failed"; readonly reason: string }
  /** It certainly did not get the request. */
  | {
      readonly kind: "unsent";
      readonly reason: "too-late" | "cancelled" | "connect" | "dns" | "private-network";
    }
  /**
   * It may have got the request: no complete answer. Cancelled (also of unsent): the signal, or a timeoutMs that is so much shorter
   * than the provider's that it says nothing about the provider.
   */
  | { readonly kind: "unknown"; readonly reason: "timeout" | "connection-lost" | "cancelled" };

export interface Sender {
  /** Never rejects. */
  send(provider: Provider, request: ProviderRequest): Promise<SendOutcome>;
  /** Ends the connections. */
  stop(): Promise<void>;
}
