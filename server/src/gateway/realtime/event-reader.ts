/**
 * Reads what feeds and resumes lack from the messenger's event log. Bounded for the whole gateway, and reads of the
 * same range, e.g. of a whole room that reconnects, are one.
 */
import type { Client } from "@connectrpc/connect";
import type { MessengerService } from "@parley/api/v2/messenger";
import { EventPage } from "#gateway/realtime/event-page.ts";
import { actorHeaders } from "#platform/actor.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Gate } from "#platform/gate.ts";

export interface EventRange {
  chatId: string;
  /** In whose name it is read. */
  memberId: string;
  after: number;
  /** A seq known to exist, greater than `after`. */
  upTo: number;
}

/** Both throw "chat-not-found" when the user is no member (any more). */
export interface EventReader {
  /** The events from `after` on, as many as a page holds. May be the same page that another one is waiting for. */
  read(range: EventRange): Promise<EventPage>;
  /** The same, certainly read after this call; there may be none. */
  readNow(range: Omit<EventRange, "upTo">): Promise<EventPage>;
}

interface PendingRead {
  range: EventRange;
  page: Promise<EventPage>;
}

const pageEvents = 200;

export function createEventReader(
  messenger: Pick<Client<typeof MessengerService>, "listEvents">,
  gate: Gate,
  timeoutMs: number,
): EventReader {
  const pendingByChat = new Map<string, PendingRead[]>();

  async function fetchPage({ chatId, memberId, after }: Omit<EventRange, "upTo">): Promise<EventPage> {
    const headers = actorHeaders({ userId: memberId, sessionId: "", roles: [] });
    const request = { chatId, after, limit: pageEvents };
    const { events, lastSeq } = await messenger.listEvents(request, { headers, timeoutMs });
    const isGapFree = events.every((event, index) => event.seq === after + 1 + index);
    if (!isGapFree) throw fault("internal", { cause: new Error(`the event log of ${chatId} has a gap`) });
    return new EventPage(events, lastSeq);
  }

  function startRead(range: EventRange): Promise<EventPage> {
    const page = gate.run(() => fetchPage(range));
    const read = { range, page };
    const pending = pendingByChat.get(range.chatId) ?? [];
    pendingByChat.set(range.chatId, pending);
    pending.push(read);
    const forget = () => {
      pending.splice(pending.indexOf(read), 1);
      if (pending.length === 0) pendingByChat.delete(range.chatId);
    };
    page.then(forget, forget);
    return page;
  }

  return {
    async read(range) {
      const shared = pendingByChat.get(range.chatId)?.find((read) => serves(read.range, range));
      if (!shared) return startRead(range);
      try {
        return await shared.page;
      } catch (error) {
        // The member in whose name it was read has left; this one may not have.
        const isOtherMember = shared.range.memberId !== range.memberId;
        if (isOtherMember && toPublicError(error).code === "chat-not-found") return startRead(range);
        throw error;
      }
    },
    readNow: (range) => gate.run(() => fetchPage(range)),
  };
}

/** Whether a read brings the first event of the wanted range. */
function serves(given: EventRange, wanted: EventRange): boolean {
  return given.after <= wanted.after && wanted.after < Math.min(given.upTo, given.after + pageEvents);
}
