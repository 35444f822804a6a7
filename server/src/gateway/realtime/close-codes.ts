/**
 * Why the server closes a WebSocket: part of the contract with clients (docs/realtime.md). Codes from 4400 on
 * follow the HTTP status of like meaning. "Resume" means: connect again, call RealtimeService/Resume, nothing is lost.
 *
 * ws itself closes with 1002 (broken frames), 1007 (text that is not UTF-8) and 1009 (a frame above the limit).
 */
export interface CloseReason {
  readonly code: number;
  /** At most 123 bytes: RFC 6455, section 5.5. */
  readonly text: string;
}

export const closeReasons = {
  /** Too many frames that cannot be read. The client is broken: it should not retry by itself. */
  badFrames: { code: 1008, text: "too many invalid frames" },
  /** Frames kept coming far above the limit. Back off, then resume. */
  flood: { code: 1008, text: "too many frames" },
  /** This server stops. Resume, with jitter, on another one. */
  restart: { code: 1012, text: "server stops, resume" },
  /** The access token expired. Refresh it, then resume. */
  tokenExpired: { code: 4401, text: "token expired" },
  /** The session was ended: sign in again. */
  sessionEnded: { code: 4403, text: "session ended" },
  /** The client did not read fast enough. Resume. */
  tooSlow: { code: 4408, text: "too slow, resume" },
  /** The server cannot continue the chats' order on this socket. Resume. */
  resync: { code: 4409, text: "resume" },
} as const satisfies Record<string, CloseReason>;
