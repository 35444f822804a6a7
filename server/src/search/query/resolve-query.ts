/** What a parsed query stands for: people by their ids. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type MessageQuery, MessageQuerySchema } from "@parley/api/internal/messenger";
import { type Actor, actorHeaders } from "#platform/actor.ts";
import { invalidInput, toPublicError } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";
import type { SearchClients } from "#search/clients.ts";
import type { ParsedQuery } from "#search/query/parse-query.ts";

export interface ResolveOptions {
  clients: SearchClients;
  actor: Actor;
  /** Of the request, for errors. */
  field: string;
  /** Of each call. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** As many as a look-up answers. */
const maxNamesakes = 100;
/** More than so many are narrowed to people with whom the user shares a chat; of fewer, those who have left are found too. */
const maxUnfiltered = 20;

/** Undefined: by nobody who could be meant, so no message can match. */
export async function resolveQuery(
  parsed: ParsedQuery,
  options: ResolveOptions,
): Promise<MessageQuery | undefined> {
  const found = await Promise.all(parsed.from.map((written) => findSenders(written, options)));
  const senderIds = [...new Set(found.flat())];
  if (parsed.from.length > 0 && senderIds.length === 0) return undefined;
  return create(MessageQuerySchema, {
    terms: parsed.terms,
    senderIds,
    chats: parsed.in,
    hasAttachment: parsed.hasAttachment,
    ...(parsed.beforeMs === undefined ? {} : { before: timestampFromMs(parsed.beforeMs) }),
    ...(parsed.notBeforeMs === undefined ? {} : { notBefore: timestampFromMs(parsed.notBeforeMs) }),
  });
}

async function findSenders(written: string, options: ResolveOptions): Promise<string[]> {
  const { actor } = options;
  if (/^@?me$/i.test(written)) return [actor.userId];
  if (isUuid(written)) return [written.toLowerCase()];
  if (/^[^@\s]+@[^@\s]+$/.test(written)) return await lookUp({ email: written }, options);
  const namesakes = await lookUp({ query: written.replace(/^@/, ""), limit: maxNamesakes }, options);
  return namesakes.length <= maxUnfiltered ? namesakes : await acquaintancesAmong(namesakes, options);
}

async function lookUp(
  request: { email: string } | { query: string; limit: number },
  { clients, actor, field, timeoutMs, signal }: ResolveOptions,
): Promise<string[]> {
  try {
    const { users } = await clients.users.listUsers(request, {
      headers: actorHeaders(actor),
      timeoutMs,
      signal,
    });
    return users.map(({ id }) => id);
  } catch (error) {
    const { code, violations } = toPublicError(error);
    if (code !== "invalid-input") throw error;
    throw invalidInput(field, `from: ${violations[0]?.message ?? "must be a user's id, e-mail or name"}`);
  }
}

async function acquaintancesAmong(
  candidateIds: string[],
  { clients, actor, timeoutMs, signal }: ResolveOptions,
): Promise<string[]> {
  const { userId } = actor;
  const { userIds } = await clients.messenger.filterAcquaintances(
    { userId, candidateIds },
    { timeoutMs, signal },
  );
  return candidateIds.filter((id) => id === userId || userIds.includes(id));
}
