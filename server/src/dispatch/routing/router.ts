/** Takes a text to the cheapest provider that is healthy and has a permit; see docs/decisions/0027-routing.md. */
import type { Processor, Provider } from "#dispatch/providers/catalogue.ts";

export interface Job {
  /** The same for every attempt, also after a crash. */
  readonly requestId: string;
  readonly text: string;
  readonly processor: Processor;
  /** Who is charged. */
  readonly userId: string;
  readonly mayUsePaid: boolean;
  /** How long there is; no provider is asked after it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /**
   * For outcomes that are kept. Resolves once it is durable that the request is about to be sent to this provider; rejects:
   * it must not be sent. What was sent is then waited for as long as the provider may take, whoever waits or not.
   */
  readonly beforeSend: ((provider: Provider, attempt: number) => Promise<void>) | undefined;
  /** After a crash: the provider that the request may have been sent to, which alone may be asked (it has an idempotency header). */
  readonly only?: Provider;
}

export interface Served {
  readonly result: string;
  readonly providerId: string;
  readonly costMicros: number;
  /** For people: "free", "paid: free quota 100/100, opens 12:01:07". */
  readonly reason: string;
  /** Milliseconds since 1970, by the database's clock; undefined: a free one is open, or nobody knows. */
  readonly freeOpensAtMs: number | undefined;
  /** How long providers took, all attempts together. */
  readonly providerMs: number;
}

export interface Router {
  /**
   * Rejects with faults: payment-required, spend-cap-reached, no-provider (each with retryAfterMs where that is known),
   * provider-failed, outcome-unknown, timeout, cancelled; and with what beforeSend rejects with. After provider-failed and
   * outcome-unknown the text may have been processed; after any other it was not.
   */
  route(job: Job): Promise<Served>;
}
