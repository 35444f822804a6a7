/**
 * Stamps say whether something has changed. Who changes a thing changes the stamps of its tags after the commit and
 * before the caller is answered; who keeps a copy keeps with it the stamps that were read before the copy was made.
 * The copy is right as long as the stamps are the same. See docs/decisions/0022-response-cache.md.
 */

export interface Stamps {
  /**
   * One stamp for each tag, and a last one, the generation, that changes when changes may have gone unnoticed.
   * Undefined: it cannot be told now, do without copies. Never rejects; waits for as long as one command to Redis may take.
   */
  read(tags: readonly string[]): Promise<readonly string[] | undefined>;
  /**
   * Resolves once no later read, on any pod, gives the former stamps. Never rejects. Without Redis it waits, once, until
   * the other pods have noticed, and then not at all.
   */
  change(tags: readonly string[]): Promise<void>;
}

/** What changes together. A chat's tags begin with its id, so that their stamps can be read by one command. */
export const tags = {
  /** Every durable change of the chat. */
  chat: (chatId: string) => `${chatId}:chat`,
  /** Who is a member of it, and as what. */
  members: (chatId: string) => `${chatId}:members`,
  /** The read positions of all its members. */
  reads: (chatId: string) => `${chatId}:reads`,
  /** The read position of one member. */
  read: (chatId: string, userId: string) => `${chatId}:read:${userId}`,
  /** A user's profile. */
  user: (userId: string) => `${userId}:user`,
  /** Which accounts there are, and under which names: what a search for people is made of. */
  accounts: () => "accounts:all",
};

/** For a Parley without a cache. */
export const noStamps: Stamps = {
  read: async () => undefined,
  change: async () => {},
};
