/** Tells the server how far one has read: the latest position only, one call of a chat at a time. */
import type { ParleyClient } from "@parley/client";

export interface ReadMarker {
  mark(chatId: string, no: number): void;
}

export function createReadMarker(
  parley: ParleyClient,
  onRead: (chatId: string, readNo: number) => void,
): ReadMarker {
  const marked = new Map<string, number>();
  const underWay = new Set<string>();

  async function tell(chatId: string): Promise<void> {
    if (underWay.has(chatId)) return;
    underWay.add(chatId);
    try {
      for (let no = marked.get(chatId); no !== undefined; no = nextAfter(chatId, no)) {
        onRead(chatId, (await parley.markRead(chatId, no)).readNo);
      }
    } catch {
      // Forgotten, so that the next look at the chat tells it again.
      marked.delete(chatId);
    } finally {
      underWay.delete(chatId);
    }
  }

  function nextAfter(chatId: string, told: number): number | undefined {
    const latest = marked.get(chatId) ?? 0;
    return latest > told ? latest : undefined;
  }

  return {
    mark(chatId, no) {
      if ((marked.get(chatId) ?? 0) >= no) return;
      marked.set(chatId, no);
      void tell(chatId);
    },
  };
}
