import type { FastifyRequest } from "fastify";

export function queryOf({ raw }: Pick<FastifyRequest, "raw">): URLSearchParams {
  const { url = "" } = raw;
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}
