import type { Attachments } from "#messenger/attachments/attachments.ts";
import type { ChatTurns } from "#messenger/chat-turns.ts";
import type { MessengerConfig } from "#messenger/config.ts";
import type { ChatLanguages } from "#messenger/finding/chat-languages.ts";
import type { GroupCommit } from "#messenger/group-commit.ts";
import type { KnownProcessors } from "#messenger/processing/known-processors.ts";
import type { TextIndex } from "#messenger/text-index/text-index.ts";
import type { Bus } from "#platform/bus.ts";
import type { Database } from "#platform/database.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** What the RPCs are made of. */
export interface MessengerParts {
  config: MessengerConfig;
  database: Database;
  /** For searches alone. */
  searchDatabase: Database;
  chatLanguages: ChatLanguages;
  bus: Bus;
  stamps: Stamps;
  turns: ChatTurns;
  groupCommit: GroupCommit;
  attachments: Attachments;
  textIndex: TextIndex;
  processors: KnownProcessors;
  /** A text that awaits its processing was committed. */
  onProcessable: () => void;
  telemetry: Telemetry;
}
