/** What the two ends of gRPC calls are made with. */
import type { IncomingHttpHeaders } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { PlainHeaders } from "#platform/wire/grpc-headers.ts";

export interface GrpcClientOptions {
  sessions: Pick<Http2SessionManager, "request" | "notifyResponseByteRead">;
  maxMessageBytes: number;
  /** How long a stream waits for the other side before it is given up. */
  stallMs: number;
  /** May change the headers before they are sent. */
  sign(headers: PlainHeaders): Promise<void>;
  /** Told of every answer's headers, also of those that tell of an error. */
  onAnswer(headers: IncomingHttpHeaders, roundTripMs: number): void;
}

export interface ReceivedCall {
  readonly method: DescMethod;
  /** May be changed before the handler sees them. */
  readonly headers: PlainHeaders;
  /** Once it has been read. */
  request?: unknown;
}

export interface GrpcServerOptions {
  routes(router: ConnectRouter): void;
  maxMessageBytes: number;
  maxDeadlineMs: number;
  /** How long a stream waits for the other side before it is given up. */
  stallMs: number;
  /** Refuses a call by rejecting, before its body is read. */
  admit(call: ReceivedCall): Promise<void>;
  /** Told of every call that fails. */
  onFailure(call: ReceivedCall, error: unknown): void;
  /** Sent with every answer. */
  answerHeaders(): PlainHeaders;
}
