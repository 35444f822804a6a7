/** Registration, login and logout. */
import { AuthService } from "@parley/api/v2/auth";
import { refuseForeignPage } from "#gateway/auth/same-origin.ts";
import { octoCookie } from "#gateway/dialects/credentials/credentials.ts";
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { sayingWhenTaken } from "#gateway/dialects/octo/errors.ts";
import { readForm } from "#gateway/dialects/octo/form.ts";
import { userView } from "#gateway/dialects/octo/user-view.ts";

/** Clients of this API cannot refresh a token: with it ends the session. */
const sessionSeconds = 3_600;

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  return [register(parts), login(parts), logout(parts)];
}

/** What else the body says of the user (paid_access, is_verified, free_messages_left …) is not for a client to say. */
function register(parts: DialectParts): DialectRoute {
  const { clients, optionsFor } = parts;
  return {
    method: "POST",
    template: "/auth/register",
    access: "public",
    rate: "sign-up",
    successor: "/v2/auth/sign-up",
    async serve({ json, context }) {
      const body = json();
      const request = { email: requiredText(body, "email"), password: requiredText(body, "password") };
      const registered = clients.identity.registerAccount(request, optionsFor(context));
      const { account } = await sayingWhenTaken("REGISTER_USER_ALREADY_EXISTS", registered);
      return { status: 201, body: await userView(parts, account!, context) };
    },
  };
}

function login({ signIn, isSecure }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/auth/login",
    access: "public",
    rate: "sign-in",
    successor: "/v2/auth/sign-in",
    async serve(exchange) {
      // Or it could have people work in an account that is its author's.
      refuseForeignPage(exchange.request.headers);
      const form = await readForm(exchange);
      const credentials = {
        login: requiredText(form, "username"),
        password: requiredText(form, "password"),
      };
      const lifetime = { accessTokenSeconds: sessionSeconds, sessionSeconds };
      const session = await signIn({ ...credentials, ...lifetime }, exchange.context);
      const setCookie = cookie(session.accessToken, session.expiresIn, isSecure(exchange.request));
      return { status: 204, headers: { "set-cookie": setCookie } };
    },
  };
}

function logout({ call, isSecure }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/auth/logout",
    access: "required",
    rate: "write",
    successor: "/v2/auth/sign-out",
    async serve({ context, request }) {
      await call(AuthService.method.signOut, {}, context);
      return { status: 204, headers: { "set-cookie": cookie("", 0, isSecure(request)) } };
    },
  };
}

/** A JWT's characters need no quoting. */
const cookie = (token: string, maxAgeS: number, isSecure: boolean) =>
  `${octoCookie}=${token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${maxAgeS}${isSecure ? "; Secure" : ""}`;
