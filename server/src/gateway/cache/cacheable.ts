/**
 * Which methods' answers are kept, and what each depends on. A method that is not listed is always asked of its service:
 * ListChats (a message in any chat changes it), ListUsers (a sign-up anywhere may), sessions, and keys, which who asks
 * for wants to be the latest.
 */
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import {
  type GetChatRequest,
  type ListEventsRequest,
  type ListMembersRequest,
  type ListMessagesRequest,
  MessengerService,
} from "@parley/api/v2/messenger";
import { type GetUserRequest, UserService } from "@parley/api/v2/user";
import { tags } from "#platform/stamps/stamps.ts";
import { isUuid } from "#platform/uuid.ts";

export interface AnswerTags {
  /** What decides who may see the answer: an answer for which these have changed is given to nobody, whatever happens. */
  readonly access: readonly string[];
  readonly content: readonly string[];
}

/** The tags of a request by this user; undefined: its answer is not kept. */
export type TagsOf = (request: Message, userId: string) => AnswerTags | undefined;

const { getChat, listEvents, listMembers, listMessages } = MessengerService.method;
const { getMe, getUser } = UserService.method;

const ofUser = (id: string): AnswerTags | undefined => {
  const userId = idOf(id);
  return userId === undefined ? undefined : { access: [], content: [tags.user(userId)] };
};

export const cacheable: ReadonlyMap<DescMethodUnary, TagsOf> = new Map<DescMethodUnary, TagsOf>([
  [listMessages, ofChat<ListMessagesRequest>((chatId) => [tags.chat(chatId)])],
  [listEvents, ofChat<ListEventsRequest>((chatId) => [tags.chat(chatId)])],
  [getChat, ofChat<GetChatRequest>((chatId, userId) => [tags.chat(chatId), tags.read(chatId, userId)])],
  [listMembers, ofChat<ListMembersRequest>((chatId) => [tags.reads(chatId)])],
  [getMe, (_request, userId) => ofUser(userId)],
  [getUser, (request) => ofUser((request as GetUserRequest).id)],
]);

function ofChat<Request extends Message & { chatId: string }>(
  contentOf: (chatId: string, userId: string) => readonly string[],
): TagsOf {
  return (request, userId) => {
    const chatId = idOf((request as Request).chatId);
    const reader = idOf(userId);
    if (chatId === undefined || reader === undefined) return undefined;
    return { access: [tags.members(chatId)], content: contentOf(chatId, reader) };
  };
}

/** As the services write it in their tags. */
const idOf = (text: string) => (isUuid(text) ? text.toLowerCase() : undefined);
