/** Signing in by a dialect: the account's limit on failures holds here as well. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StartSessionRequestSchema, StartSessionResponse } from "@parley/api/internal/identity";
import type { CallContext } from "#gateway/call.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { DialectCalls } from "#gateway/dialects/dialect-calls.ts";
import { limitSignIn } from "#gateway/throttle/sign-in-limit.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";

type Request = Omit<MessageInitShape<typeof StartSessionRequestSchema>, "$typeName"> & {
  login: string;
  password: string;
};

/** Rejects with "bad-credentials" when there is no such account, or it has another password. */
export type SignInToDialect = (request: Request, context: CallContext) => Promise<StartSessionResponse>;

export function createSignInToDialect(
  throttle: Throttle,
  identity: GatewayClients["identity"],
  { optionsFor }: Pick<DialectCalls, "optionsFor">,
): SignInToDialect {
  return limitSignIn(
    throttle,
    ({ login }: Request) => login,
    (request, context) => identity.startSession(request, optionsFor(context)),
  );
}
