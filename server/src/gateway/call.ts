/** The one way into Parley: every transport turns what it receives into a Call. */
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Trace } from "#platform/trace.ts";

/** Who calls and how; made once per request or frame. */
export interface CallContext {
  /** Undefined: not signed in. */
  readonly caller: Caller | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal | undefined;
  readonly clientAddress: string;
  readonly userAgent: string;
  /** How long the client waits; never more than the gateway's own deadline. */
  readonly timeoutMs?: number;
  /** Whether rate limits have been applied already, before the request's body was read. */
  readonly isAdmitted?: boolean;
  /** Undefined: neither recorded nor begun by the client. */
  readonly trace?: Trace | undefined;
}

export interface Caller {
  readonly userId: string;
  /** Empty for a user of an outside token issuer. */
  readonly sessionId: string;
  readonly roles: readonly string[];
  /** Milliseconds since 1970. */
  readonly tokenExpiresAt: number;
}

/** Validates, authorises and calls the service. Throws ConnectErrors out of the registry only. */
export type Call = (method: DescMethodUnary, request: Message, context: CallContext) => Promise<Message>;

/** Methods that the gateway answers in another way than by calling the service's client. */
export type Overrides = ReadonlyMap<
  DescMethodUnary,
  (request: never, context: CallContext) => Promise<Message>
>;
