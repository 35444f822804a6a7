import type { BenchCase } from "../case.ts";
import { blobsCase } from "./blobs.ts";
import { cachedCase } from "./cached.ts";
import { coldStartCase } from "./cold-start.ts";
import { dispatchCase } from "./dispatch.ts";
import { historyCase } from "./history.ts";
import { hopCase } from "./hop.ts";
import { hungCase } from "./hung.ts";
import { idleCase } from "./idle.ts";
import { messagesCase } from "./messages.ts";
import { roomCase } from "./room.ts";
import { searchCase } from "./search.ts";
import { signInCase } from "./sign-in.ts";
import { twoGatewaysCase } from "./two-gateways.ts";

/** In the order in which they run. */
export const allCases: readonly BenchCase[] = [
  messagesCase,
  roomCase,
  idleCase,
  historyCase,
  coldStartCase,
  signInCase,
  hopCase,
  cachedCase,
  hungCase,
  twoGatewaysCase,
  dispatchCase,
  searchCase,
  blobsCase,
];
