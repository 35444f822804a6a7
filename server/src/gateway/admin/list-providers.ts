import { create } from "@bufbuild/protobuf";
import { type ListProvidersResponse, ListProvidersResponseSchema } from "@parley/api/v2/admin";
import type { CallContext } from "#gateway/call.ts";
import { callOptions } from "#gateway/call-options.ts";
import type { GatewayClients } from "#gateway/clients.ts";

/** As dispatch tells it; of several processes of it, one answers. */
export async function listProviders(
  { dispatchInternal }: Pick<GatewayClients, "dispatchInternal">,
  context: CallContext,
): Promise<ListProvidersResponse> {
  const { providers } = await dispatchInternal.describeProviders({}, callOptions(context));
  return providers ?? create(ListProvidersResponseSchema);
}
