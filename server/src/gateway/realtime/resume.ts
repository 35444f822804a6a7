/**
 * RealtimeService/Resume: pushes what a client missed of each chat it names, completely or not at all, then goes on
 * live. No event is lost or doubled between the two (catch-up.ts).
 */
import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { MessengerInternalService, Position } from "@parley/api/internal/messenger";
import { type ResumeRequest, type ResumeResponse, ResumeResponseSchema } from "@parley/api/v2/realtime";
import type { FanOut } from "#gateway/fan-out.ts";
import { catchUp } from "#gateway/realtime/catch-up.ts";
import type { ChatFeed } from "#gateway/realtime/chat-feed.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import { planResume, type ResumedChat } from "#gateway/realtime/resume-plan.ts";
import type { Feed } from "#gateway/realtime/subscriber.ts";
import type { UserConnections } from "#gateway/realtime/user-connections.ts";
import type { Connection } from "#gateway/socket.ts";
import { withDeadline } from "#platform/deadline.ts";
import { fault } from "#platform/errors.ts";
import type { Gate } from "#platform/gate.ts";

export interface ResumeOptions {
  users: UserConnections<Connection>;
  fanOut: FanOut;
  reader: EventReader;
  messenger: Pick<Client<typeof MessengerInternalService>, "listPositions">;
  gate: Gate;
  config: SocketConfig;
  callTimeoutMs: number;
}

/** Chats of one socket that catch up at the same time. */
const parallelChats = 4;

type Feeds = Map<string, ChatFeed>;

export async function resume(
  parts: ResumeOptions,
  connection: Connection,
  { positions }: ResumeRequest,
): Promise<ResumeResponse> {
  if (connection.isResuming) throw fault("too-many-requests", { detail: "This socket is resuming already" });
  connection.isResuming = true;
  // From here on the feeds let it in where an event adds its user to a chat.
  connection.isListening = true;
  const feeds: Feeds = new Map();
  try {
    const chats = await openChats(parts, connection, Object.keys(positions), feeds);
    const plan = planResume(chats, positions, parts.config);
    await joinAll(parts, connection, plan);
    await joinNewChats(parts, connection);
    return create(ResumeResponseSchema, { chats: toPositions(plan, connection, positions) });
  } catch (error) {
    connection.isListening = false;
    for (const feed of connection.feeds) feed.leave(connection);
    throw error;
  } finally {
    connection.isResuming = false;
    for (const feed of feeds.values()) feed.release();
  }
}

export interface OpenChat {
  feed: ChatFeed;
  /** The user was a member when this was the chat's latest seq. */
  seq: number;
}

/**
 * The feeds of all chats of the user, open and begun. A feed is subscribed to before the position is read that it
 * begins at; the chats that the client names are, as a rule, all there are, so that one read is enough.
 */
async function openChats(parts: ResumeOptions, connection: Connection, named: string[], feeds: Feeds) {
  await withDeadline(parts.users.listen(connection), parts.callTimeoutMs);
  await holdFeeds(parts, named, feeds);
  // What the client named is pushed from there on, in order: so nothing live of it until then.
  for (const feed of connection.feeds) if (feeds.has(feed.chatId)) feed.leave(connection);
  let listed = await listPositions(parts, connection);
  const unnamed = listed.filter(({ chatId }) => !feeds.has(chatId));
  await holdFeeds(
    parts,
    unnamed.map((position) => position.chatId),
    feeds,
  );
  if (unnamed.some(({ chatId }) => feeds.get(chatId)?.lastSeq === undefined)) {
    listed = await listPositions(parts, connection);
  }
  requireOpen(connection);
  const chats: OpenChat[] = [];
  for (const { chatId, lastSeq } of listed) {
    const feed = feeds.get(chatId);
    // A chat that the user was added to only now: the event that did so has let the socket in.
    if (!feed) continue;
    feed.begin(lastSeq);
    chats.push({ feed, seq: lastSeq });
  }
  return chats;
}

async function holdFeeds({ fanOut, callTimeoutMs }: ResumeOptions, chatIds: string[], feeds: Feeds) {
  if (chatIds.length === 0) return;
  for (const chatId of chatIds) {
    const feed = fanOut.open(chatId);
    feed.hold();
    feeds.set(chatId, feed);
  }
  const opened = Promise.all(chatIds.map((chatId) => feeds.get(chatId)?.opened));
  await withDeadline(opened, callTimeoutMs);
}

function listPositions(parts: ResumeOptions, connection: Connection): Promise<Position[]> {
  requireOpen(connection);
  return parts.gate.run(async () => {
    requireOpen(connection);
    const options = { timeoutMs: parts.callTimeoutMs };
    return (await parts.messenger.listPositions({ userId: connection.userId }, options)).positions;
  });
}

function requireOpen(connection: Connection) {
  if (!connection.isOpen) throw fault("cancelled");
}

/** Those without a gap at once, the others a few at a time. */
async function joinAll({ reader }: ResumeOptions, connection: Connection, plan: ResumedChat[]) {
  const behind = plan.filter(({ feed, from }) => !feed.tryJoin(connection, from));
  let next = 0;
  const work = async () => {
    for (let chat = behind[next++]; chat; chat = behind[next++]) {
      try {
        requireOpen(connection);
        await catchUpOne(reader, connection, chat);
      } catch (error) {
        next = behind.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelChats, behind.length) }, work));
}

async function catchUpOne(reader: EventReader, connection: Connection, chat: ResumedChat) {
  const { feed, from: position, seq: memberAt } = chat;
  // It followed the chat before, though the client did not name it, or an event has let it in since: what precedes that
  // event must not be pushed after it.
  const end = feed.isLive(connection)
    ? "live already"
    : await catchUp(reader, { feed, subscriber: connection, position, memberAt });
  // If it left it may be let in again, and was not pushed what happened in between.
  if (end !== "live") chat.isRecovered = false;
}

/** Chats that were created meanwhile and that the socket has begun to follow: the answer is to be about them too. */
async function joinNewChats({ reader, fanOut }: ResumeOptions, connection: Connection) {
  for (const { chatId } of connection.feeds) {
    const feed = fanOut.get(chatId);
    if (feed && !feed.isLive(connection)) {
      await catchUp(reader, { feed, subscriber: connection, position: 0, memberAt: 0 });
    }
  }
}

/**
 * All chats that are live now, each with the seq up to which everything has been pushed. A chat that the user left
 * meanwhile is not among them; one that the user was added to meanwhile is, and was pushed from there on.
 */
function toPositions(plan: ResumedChat[], connection: Connection, named: Readonly<Record<string, number>>) {
  const planned = new Map(plan.map(({ feed, isRecovered }) => [feed as Feed, isRecovered]));
  return [...connection.feeds]
    .filter((feed) => feed.isLive(connection))
    .map((feed) => {
      const recovered = planned.get(feed) ?? !Object.hasOwn(named, feed.chatId);
      return { chatId: feed.chatId, seq: feed.lastSeq ?? 0, recovered };
    });
}
