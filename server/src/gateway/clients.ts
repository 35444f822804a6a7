/** The services as the gateway sees them, wherever they run. */
import type { Client } from "@connectrpc/connect";
import type { BlobInternalService } from "@parley/api/internal/blobs";
import type { DispatchInternalService } from "@parley/api/internal/dispatch";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { MessengerInternalService } from "@parley/api/internal/messenger";
import type { AuthService } from "@parley/api/v2/auth";
import type { BlobService } from "@parley/api/v2/blob";
import type { MessengerService } from "@parley/api/v2/messenger";
import type { ProcessService } from "@parley/api/v2/process";
import type { SearchService } from "@parley/api/v2/search";
import type { UserService } from "@parley/api/v2/user";

export interface GatewayClients {
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UserService>;
  readonly identity: Client<typeof IdentityInternalService>;
  readonly messenger: Client<typeof MessengerService>;
  readonly messengerInternal: Client<typeof MessengerInternalService>;
  readonly process: Client<typeof ProcessService>;
  readonly dispatchInternal: Client<typeof DispatchInternalService>;
  readonly blobs: Client<typeof BlobService>;
  readonly blobsInternal: Client<typeof BlobInternalService>;
  readonly search: Client<typeof SearchService>;
}
