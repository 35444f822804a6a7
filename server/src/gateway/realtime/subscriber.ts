/** A connection as the feeds see it, and a feed as the connections see it. */
export interface Subscriber {
  readonly userId: string;
  /** Those that it is live in or joining; kept by the feeds. */
  readonly feeds: Set<Feed>;
  push(frame: Buffer): void;
  /** Resolves once the client has taken most of what was pushed. */
  drained(): Promise<void>;
  /** Ends the connection, so that the client connects again and resumes. */
  demandResume(): void;
}

export interface Feed {
  readonly chatId: string;
  /** Up to where live subscribers were pushed; undefined as long as delivery has not begun. */
  readonly lastSeq: number | undefined;
  /** When lastSeq last rose, in milliseconds since 1970. */
  readonly lastEventAtMs: number;
  isLive(subscriber: Subscriber): boolean;
  leave(subscriber: Subscriber): void;
}
