/** A route whose body is bytes, and one exchange on it. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { CallContext } from "#gateway/call.ts";

export interface ByteRoute {
  methods: HTTPMethods[];
  url: string;
  /** What it is called in metrics, spans and logs; keys never get there. */
  template: string;
  /** Whose access and rate limit count for it. */
  method: DescMethod;
  serve(exchange: ByteExchange): Promise<unknown>;
}

export interface ByteExchange {
  request: FastifyRequest;
  reply: FastifyReply;
  context: CallContext;
}
