/** Coming and going. */
import { create } from "@bufbuild/protobuf";
import { AuthService, SignOutRequestSchema } from "@parley/api/v2/auth";
import { refuseForeignPage } from "#gateway/auth/same-origin.ts";
import { callOptions } from "#gateway/call-options.ts";
import { octoCookie } from "#gateway/dialects/credentials.ts";
import type {
  DialectAnswer,
  DialectExchange,
  DialectParts,
  DialectRoute,
} from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { sayingWhenTaken } from "#gateway/dialects/octo/errors.ts";
import { readForm } from "#gateway/dialects/octo/form.ts";
import { octoUser } from "#gateway/dialects/octo/octo-user.ts";

/** Clients of this API cannot refresh a token: with it ends the session. */
const sessionSeconds = 3_600;

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  return [
    {
      method: "POST",
      path: "/auth/register",
      template: "/auth/register",
      access: "public",
      rate: "sign-up",
      successor: "/v2/auth/sign-up",
      serve: (exchange) => register(parts, exchange),
    },
    {
      method: "POST",
      path: "/auth/login",
      template: "/auth/login",
      access: "public",
      rate: "sign-in",
      successor: "/v2/auth/sign-in",
      serve: (exchange) => login(parts, exchange),
    },
    {
      method: "POST",
      path: "/auth/logout",
      template: "/auth/logout",
      access: "required",
      rate: "write",
      successor: "/v2/auth/sign-out",
      serve: (exchange) => logout(parts, exchange),
    },
  ];
}

/** What else the body says of the user (paid_access, is_verified, free_messages_left …) is not for a client to say. */
async function register(parts: DialectParts, { json, context }: DialectExchange): Promise<DialectAnswer> {
  const body = json();
  const request = { email: requiredText(body, "email"), password: requiredText(body, "password") };
  const options = callOptions({ ...context, timeoutMs: parts.config.PARLEY_CALL_TIMEOUT_MS });
  const registered = parts.clients.identity.registerAccount(request, options);
  const account = (await sayingWhenTaken("REGISTER_USER_ALREADY_EXISTS", registered)).account!;
  return { status: 201, body: await octoUser(parts, account, context) };
}

async function login({ signIn, isSecure }: DialectParts, exchange: DialectExchange): Promise<DialectAnswer> {
  // Or it could have people work in an account that is its author's.
  refuseForeignPage(exchange.request.headers);
  const form = await readForm(exchange);
  const credentials = { login: requiredText(form, "username"), password: requiredText(form, "password") };
  const lifetime = { accessTokenSeconds: sessionSeconds, sessionSeconds };
  const session = await signIn({ ...credentials, ...lifetime }, exchange.context);
  const isSafe = isSecure(exchange.request);
  return { status: 204, headers: { "set-cookie": cookie(session.accessToken, session.expiresIn, isSafe) } };
}

async function logout(
  { call, isSecure }: DialectParts,
  { context, request }: DialectExchange,
): Promise<DialectAnswer> {
  await call(AuthService.method.signOut, create(SignOutRequestSchema), context);
  return { status: 204, headers: { "set-cookie": cookie("", 0, isSecure(request)) } };
}

/** A JWT's characters need no quoting. */
const cookie = (token: string, maxAgeS: number, isSecure: boolean) =>
  `${octoCookie}=${token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${maxAgeS}${isSecure ? "; Secure" : ""}`;
