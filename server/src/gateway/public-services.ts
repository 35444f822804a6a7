/** Which client answers for which public service. A service that is not listed cannot be called. */
import type { DescMethod, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { AdminService } from "@parley/api/v2/admin";
import { AuthService } from "@parley/api/v2/auth";
import { BlobService } from "@parley/api/v2/blob";
import { MessengerService } from "@parley/api/v2/messenger";
import { ProcessService } from "@parley/api/v2/process";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import type { GatewayClients } from "#gateway/clients.ts";

/** The services that every transport serves. */
export const publicServices: readonly DescService[] = [
  AuthService,
  UserService,
  MessengerService,
  ProcessService,
  SearchService,
  BlobService,
  AdminService,
];

export function unary(method: DescMethod): DescMethodUnary {
  if (method.methodKind !== "unary") throw new Error(`${method} is not unary`);
  return method as DescMethodUnary;
}

export type UnaryCall = (request: Message, options: CallOptions) => Promise<Message>;

/** How each method of the public services is called that a service answers; the gateway answers AdminService itself. */
export function clientCalls(clients: GatewayClients): ReadonlyMap<DescMethodUnary, UnaryCall> {
  const table: [DescService, object][] = [
    [AuthService, clients.auth],
    [UserService, clients.users],
    [MessengerService, clients.messenger],
    [ProcessService, clients.process],
    [SearchService, clients.search],
    [BlobService, clients.blobs],
  ];
  const calls = new Map<DescMethodUnary, UnaryCall>();
  for (const [service, client] of table) {
    for (const method of service.methods) {
      calls.set(unary(method), (client as Record<string, UnaryCall>)[method.localName]!);
    }
  }
  return calls;
}
