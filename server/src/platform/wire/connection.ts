/** One connection to a process, made anew when it is lost, and gRPC on it. */
import type { Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { type Connecting, createConnecting } from "#platform/wire/connecting.ts";
import { createGrpcClient } from "#platform/wire/grpc-client.ts";
import type { GrpcClientOptions } from "#platform/wire/grpc-options.ts";
import { withHandledErrors } from "#platform/wire/handled-errors.ts";
import { stallMs } from "#platform/wire/limits.ts";

export interface ConnectionOptions extends Pick<GrpcClientOptions, "sign" | "onAnswer"> {
  url: string;
  /** How much of one stream may come that has not been read. */
  streamWindowBytes: number;
  unreachable(cause: unknown): Error;
}

export interface Connection {
  readonly connecting: Connecting;
  /** Rejects as GrpcClient does. */
  readonly client: Transport;
  close(): void;
}

// A process that hangs keeps its connections: only an unanswered ping tells. One that is slow by two seconds does not hang.
const ping = { pingIntervalMs: 1_000, pingTimeoutMs: 3_000, idleConnectionTimeoutMs: 300_000 };
const maxMessageBytes = 67_108_864;

export function createConnection(options: ConnectionOptions): Connection {
  const settings = { initialWindowSize: options.streamWindowBytes };
  const sessions = new Http2SessionManager(options.url, ping, { settings });
  return {
    connecting: createConnecting(sessions, options.unreachable),
    client: createGrpcClient({ ...options, sessions: withHandledErrors(sessions), maxMessageBytes, stallMs }),
    close: () => sessions.abort(),
  };
}
