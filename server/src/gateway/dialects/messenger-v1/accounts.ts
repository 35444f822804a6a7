/** Registration, login and logout. */
import { AuthService } from "@parley/api/v2/auth";
import type { DialectParts, DialectRoute, JsonObject } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { requiredName } from "#gateway/dialects/messenger-v1/input.ts";
import { sessionKeyOf } from "#gateway/dialects/messenger-v1/session-header.ts";
import { fault } from "#platform/errors.ts";

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  return [register(parts), login(parts), logout(parts)];
}

const readAccount = (json: JsonObject) => ({
  login: requiredName(json, "user_name"),
  password: requiredText(json, "password"),
});

function register({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/v1/auth/register",
    access: "public",
    rate: "sign-up",
    successor: "/v2/auth/sign-up",
    async serve({ json, context }) {
      await clients.identity.registerAccount(readAccount(json()), optionsFor(context));
      return { status: 201, body: {} };
    },
  };
}

function login({ signIn, config }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/v1/auth/login",
    access: "public",
    rate: "sign-in",
    successor: "/v2/auth/sign-in",
    async serve({ json, context }) {
      const { sessionKey } = await signIn(
        {
          ...readAccount(json()),
          sessionSeconds: config.PARLEY_MESSENGER_V1_SESSION_SECONDS,
          withSessionKey: true,
        },
        context,
      );
      if (!sessionKey) throw fault("internal", { cause: new Error("identity gave no session key") });
      return { body: { session_id: sessionKey } };
    },
  };
}

/** Once it is answered, no gateway takes the session id any more. */
function logout({ call, credentials }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/v1/auth/logout",
    access: "required",
    rate: "messenger-v1",
    successor: "/v2/auth/sign-out",
    async serve({ request, context }) {
      await call(AuthService.method.signOut, {}, context);
      await credentials.forgetSessionKey(sessionKeyOf(request) ?? "");
      return { body: {} };
    },
  };
}
