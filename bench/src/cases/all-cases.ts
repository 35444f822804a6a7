import type { BenchCase } from "../case.ts";
import { coldStartCase } from "./cold-start.ts";
import { historyCase } from "./history.ts";
import { idleCase } from "./idle.ts";
import { messagesCase } from "./messages.ts";
import { roomCase } from "./room.ts";
import { signInCase } from "./sign-in.ts";

/** In the order in which they run. */
export const allCases: readonly BenchCase[] = [
  messagesCase,
  roomCase,
  idleCase,
  historyCase,
  coldStartCase,
  signInCase,
];
