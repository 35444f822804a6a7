/** Which chats' pages are on their way, and when the last one came. */
export function createPagesUnderWay() {
  const byChat = new Map<string, Set<Promise<unknown>>>();
  const readAtMs = new Map<string, number>();
  return {
    track<T>(chatId: string, work: Promise<T>): Promise<T> {
      const tracked = byChat.get(chatId) ?? new Set();
      byChat.set(chatId, tracked.add(work));
      const end = () => {
        readAtMs.set(chatId, Date.now());
        tracked.delete(work);
        if (tracked.size === 0 && byChat.get(chatId) === tracked) byChat.delete(chatId);
      };
      work.then(end, end);
      return work;
    },
    /** Resolves when all that are on their way now have come, or failed. */
    underWay(chatId: string): Promise<unknown> | undefined {
      const tracked = byChat.get(chatId);
      return tracked && Promise.allSettled(tracked);
    },
    wasReadWithin: (chatId: string, ms: number) => Date.now() - (readAtMs.get(chatId) ?? 0) < ms,
  };
}
