/** Registration, login, fresh tokens, and finding people by their address. */
import { AuthService, type RefreshResponse } from "@parley/api/v2/auth";
import { UserService } from "@parley/api/v2/user";
import type { DialectParts, DialectRoute, JsonObject } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { isBirthday } from "#gateway/dialects/social/birthday.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const profileFields = ["birthday", "sex", "city", "interests"];

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  const find = findUser(parts);
  return [
    signUp(parts),
    signIn(parts),
    refresh(parts),
    find,
    { ...find, template: "/auth/user/get-by-email" },
  ];
}

function signUp({ clients, optionsFor }: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/auth/sign-up",
    access: "public",
    rate: "sign-up",
    successor: "/v2/auth/sign-up",
    async serve({ json, context }) {
      const body = json();
      const account = {
        email: requiredText(body, "email"),
        password: requiredText(body, "password"),
        name: optionalText(body, "name"),
        surname: optionalText(body, "surname"),
        profile: readProfile(body),
      };
      await clients.identity.registerAccount(account, optionsFor(context));
      return { body: {} };
    },
  };
}

function readProfile(body: JsonObject): Record<string, string> {
  const entries = profileFields.map((field) => [field, optionalText(body, field)] as const);
  const profile = Object.fromEntries(entries.filter(([, value]) => value !== ""));
  if (profile.birthday !== undefined && !isBirthday(profile.birthday)) {
    throw invalidInput("birthday", "must be a date, or a time as in RFC 3339");
  }
  return profile;
}

function signIn(parts: DialectParts): DialectRoute {
  return {
    method: "POST",
    template: "/auth/sign-in",
    access: "public",
    rate: "sign-in",
    successor: "/v2/auth/sign-in",
    async serve({ json, context }) {
      const body = json();
      const credentials = { login: requiredText(body, "email"), password: requiredText(body, "password") };
      return { body: toPair(await parts.signIn(credentials, context)) };
    },
  };
}

function refresh({ call }: DialectParts): DialectRoute {
  return {
    method: "PUT",
    template: "/auth/token",
    access: "public",
    rate: "address",
    successor: "/v2/auth/refresh",
    async serve({ json, context }) {
      const request = { refreshToken: requiredText(json(), "refresh_token") };
      return { body: toPair(await call(AuthService.method.refresh, request, context)) };
    },
  };
}

const toPair = ({ accessToken, refreshToken }: Pick<RefreshResponse, "accessToken" | "refreshToken">) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
});

function findUser({ call }: DialectParts): DialectRoute {
  return {
    method: "GET",
    template: "/auth/user",
    access: "required",
    rate: "lookup",
    successor: "/v2/users",
    async serve({ query, context }) {
      const request = { email: requiredText(query, "email") };
      const { users } = await call(UserService.method.listUsers, request, context);
      if (!users[0]) throw fault("user-not-found");
      return { body: { user_id: users[0].id } };
    },
  };
}
