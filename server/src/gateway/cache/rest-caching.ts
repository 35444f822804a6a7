/** Answers GET out of the cache, and with 304 to who has the answer already (RFC 9110, 13.1.2). */
import type { Message } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CacheMetrics } from "#gateway/cache/cache-metrics.ts";
import type { TagsOf } from "#gateway/cache/cacheable.ts";
import type { ResponseCache } from "#gateway/cache/response-cache.ts";

export interface RestCache {
  readonly answers: ResponseCache;
  readonly metrics: CacheMetrics;
}

export interface CachedRoute {
  cache: RestCache;
  tagsOf: TagsOf;
  userId: string;
  /** May throw. */
  readMessage(): Message;
  load(message: Message): Promise<string>;
}

export async function serveCached(route: CachedRoute, request: FastifyRequest, reply: FastifyReply) {
  const { cache, userId } = route;
  let message: Message | undefined;
  const read = () => (message ??= route.readMessage());
  const { body, etag, status } = await cache.answers.answer({
    // The path tells the method. No id holds a space.
    key: `${userId} ${request.raw.url}`,
    tags: () => route.tagsOf(read(), userId),
    load: async () => route.load(read()),
  });
  reply.headers({
    etag,
    // To be asked for again each time: it may have changed, and its reader may be somebody else.
    "cache-control": "private, no-cache",
    vary: vary(reply),
    "cache-status": status,
  });
  if (matches(request.headers["if-none-match"], etag)) {
    cache.metrics.notModified();
    return reply.code(304).send();
  }
  return reply.header("content-type", "application/json; charset=utf-8").send(body);
}

const varyOn = "Authorization, Cookie";

/** Besides what the answer varies on already. */
function vary(reply: FastifyReply): string {
  const present = reply.raw.getHeader("vary");
  return present === undefined ? varyOn : `${present}, ${varyOn}`;
}

/** If-None-Match compares weakly. */
function matches(given: string | undefined, etag: string): boolean {
  if (given === undefined) return false;
  return given.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}
