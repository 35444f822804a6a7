import type { FastifyReply } from "fastify";
import type { DialectAnswer } from "#gateway/dialects/dialect.ts";

export function sendAnswer(reply: FastifyReply, { status = 200, body, text, headers = {} }: DialectAnswer) {
  reply.code(status).header("cache-control", "no-store");
  if (body !== undefined) reply.header("content-type", "application/json; charset=utf-8");
  else if (text !== undefined) reply.header("content-type", "text/plain; charset=utf-8");
  return reply.headers(headers).send(body === undefined ? text : JSON.stringify(body));
}
