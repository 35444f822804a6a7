/** The services as the messenger sees them, wherever they run. */
import type { Client } from "@connectrpc/connect";
import type { BlobInternalService } from "@parley/api/internal/blobs";
import type { DispatchInternalService } from "@parley/api/internal/dispatch";
import type { ProcessService } from "@parley/api/v2/process";

export interface MessengerClients {
  readonly process: Pick<Client<typeof ProcessService>, "listProcessors">;
  readonly blobs: Pick<
    Client<typeof BlobInternalService>,
    "attachBlobs" | "prepareAttachment" | "releaseAttachments"
  >;
  readonly dispatch: Pick<Client<typeof DispatchInternalService>, "processMessage">;
}
