/** The services as search sees them, wherever they run. */
import type { Client } from "@connectrpc/connect";
import type { MessengerInternalService } from "@parley/api/internal/messenger";
import type { UserService } from "@parley/api/v2/user";

export interface SearchClients {
  readonly messenger: Pick<
    Client<typeof MessengerInternalService>,
    "findMessages" | "readFoundMessages" | "filterAcquaintances"
  >;
  readonly users: Pick<Client<typeof UserService>, "listUsers">;
}
