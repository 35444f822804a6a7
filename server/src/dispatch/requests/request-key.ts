/** Keys as they are kept: those that users chose, and those of the messages of chats, are out of each other's way. */

export const userKey = (idempotencyKey: string) => `k${idempotencyKey}`;

const message = "m";
export const messageKey = (idempotencyKey: string) => `${message}${idempotencyKey}`;

export const isOfMessage = (key: string | null) => key?.startsWith(message) ?? false;
