/** The same two reads, a chat and a page of its history, over REST and as gRPC calls. */
import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { MessengerService } from "@parley/api/v2/messenger";
import type { Account } from "../accounts.ts";
import type { LoadRequestOptions } from "../load/http-load.ts";
import { createRandom } from "../load/schedule.ts";
import type { Pair } from "./people.ts";

export interface Read {
  /** For people. */
  name: string;
  /** In the same order, with the same questions by the same people. */
  rest: LoadRequestOptions[];
  /** With the credential that a service or a gateway wants from this person. */
  grpc(credentialOf: (account: Account) => string): LoadRequestOptions[];
}

export interface ReadOptions {
  pairs: readonly Pair[];
  pageSize: number;
  /** How many different requests there are. */
  distinct: number;
}

const { getChat, listMessages } = MessengerService.method;

export async function createReads(options: ReadOptions): Promise<[chat: Read, history: Read]> {
  const questions = await pickQuestions(options);
  const { pageSize: limit } = options;
  return [
    {
      name: "a chat",
      rest: questions.map(({ chatId, asker }) => restRequest(`/v2/chats/${chatId}`, asker)),
      grpc: (credentialOf) =>
        questions.map(({ chatId, asker }) => grpcRequest(getChat, { chatId }, credentialOf(asker))),
    },
    {
      name: `a page of ${limit} messages`,
      rest: questions.map(({ chatId, asker, before }) =>
        restRequest(`/v2/chats/${chatId}/messages?before=${before}&limit=${limit}`, asker),
      ),
      grpc: (credentialOf) =>
        questions.map(({ chatId, asker, before }) =>
          grpcRequest(listMessages, { chatId, before, limit }, credentialOf(asker)),
        ),
    },
  ];
}

interface Question {
  chatId: string;
  asker: Account;
  before: number;
}

/** Full pages at random places of the chats. */
async function pickQuestions({ pairs, pageSize, distinct }: ReadOptions): Promise<Question[]> {
  const lastSeqs = await Promise.all(
    pairs.map(async ({ chatId, people }) => (await people[0].client.getChat(chatId)).lastSeq),
  );
  const random = createRandom(1);
  return Array.from({ length: distinct }, () => {
    const index = Math.floor(random() * pairs.length);
    const { chatId, people } = pairs[index]!;
    // A chat's first events are no messages; a page further up is full of them.
    const before = pageSize * 2 + Math.floor(random() * Math.max(1, lastSeqs[index]! - pageSize * 2));
    return { chatId, asker: people[Math.floor(random() * people.length)]!, before };
  });
}

function restRequest(path: string, { accessToken }: Account): LoadRequestOptions {
  return { path, headers: { authorization: `Bearer ${accessToken}`, accept: "application/json" } };
}

/** Made once, so that sending it costs little. */
export function grpcRequest(
  method: DescMethodUnary,
  fields: Record<string, unknown>,
  authorization: string,
): LoadRequestOptions {
  const message = toBinary(method.input, create(method.input, fields));
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    headers: { authorization },
    message: Buffer.from(message).toString("base64"),
  };
}
