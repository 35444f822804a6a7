import type { HttpLoadOptions } from "../load/http-load.ts";
import { createRandom } from "../load/schedule.ts";
import type { Pair } from "./people.ts";

export type HttpRequests = HttpLoadOptions["requests"];

const distinctRequests = 2_000;

/** Full pages at random places of the pairs' chats, each asked for by one of the two. */
export async function historyRequests(pairs: readonly Pair[], pageSize: number): Promise<HttpRequests> {
  const lastSeqs = await Promise.all(
    pairs.map(async ({ chatId, people }) => (await people[0].client.getChat(chatId)).lastSeq),
  );
  const random = createRandom(1);
  return Array.from({ length: distinctRequests }, () => {
    const index = Math.floor(random() * pairs.length);
    const { chatId, people } = pairs[index]!;
    const lastSeq = lastSeqs[index]!;
    // A chat's first events are no messages; a page further up is full of them.
    const before = pageSize * 2 + Math.floor(random() * Math.max(1, lastSeq - pageSize * 2));
    const { accessToken } = people[Math.floor(random() * people.length)]!;
    return {
      path: `/v2/chats/${chatId}/messages?before=${before}&limit=${pageSize}`,
      headers: { authorization: `Bearer ${accessToken}`, accept: "application/json" },
    };
  });
}

/** The JSON text of one page. */
export async function readPage(url: string, { path, headers }: HttpRequests[number]): Promise<string> {
  const response = await fetch(url + path, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text}`);
  return text;
}
