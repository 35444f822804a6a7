/** What the routes for bytes are made of. */
import type { Message } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type { StallLimits } from "#gateway/blobs/progress.ts";
import type { CallContext } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { OpenCall } from "#gateway/http/call-context.ts";

export interface BlobRoutesOptions {
  clients: Pick<GatewayClients, "blobs" | "blobsInternal" | "messengerInternal">;
  openCall: OpenCall;
  /** Calls of one caller at once, as everywhere. */
  turns: CallTurns;
  /** Uploads and downloads of one caller at once; those beyond are refused. */
  transferTurns: CallTurns;
  /** Of everything but the bytes. */
  timeoutMs: number;
  maxBlobBytes: number;
  limits: StallLimits;
}

export type Unary = <T extends Message<string>>(
  context: CallContext,
  call: (options: CallOptions) => Promise<T>,
) => Promise<T>;

/** A call that moves no bytes: within the gateway's deadline, when it is the caller's turn. */
export function createUnary({ turns, timeoutMs }: BlobRoutesOptions): Unary {
  return (context, call) => {
    const bounded = { ...context, timeoutMs };
    const turn = context.caller?.userId ?? context.clientAddress;
    return turns.run(turn, { timeoutMs, signal: context.signal }, () => call(callOptions(bounded)));
  };
}

/** For a call that streams, which takes as long as its bytes do. */
export function streamOptions(context: CallContext, signal: AbortSignal): CallOptions {
  const { timeoutMs: _, ...endless } = context;
  return callOptions({ ...endless, signal });
}
