/** The services as the messenger sees them, wherever they run. */
import type { Client } from "@connectrpc/connect";
import type { DispatchInternalService } from "@parley/api/internal/dispatch";
import type { ProcessService } from "@parley/api/v2/process";

export interface MessengerClients {
  readonly process: Pick<Client<typeof ProcessService>, "listProcessors">;
  readonly dispatch: Pick<Client<typeof DispatchInternalService>, "processMessage">;
}
