/** Signing up and in, and finding people by their address. */
import { AuthService, type RefreshResponse } from "@parley/api/v2/auth";
import { UserService } from "@parley/api/v2/user";
import type {
  DialectAnswer,
  DialectExchange,
  DialectParts,
  DialectRoute,
  JsonObject,
} from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { isBirthday } from "#gateway/dialects/social/birthday.ts";
import { fault, invalidInput } from "#platform/errors.ts";

const profileFields = ["birthday", "sex", "city", "interests"];

export function accountRoutes(parts: DialectParts): DialectRoute[] {
  const find = {
    method: "GET",
    access: "required",
    rate: "lookup",
    successor: "/v2/users",
    serve: (exchange: DialectExchange) => findUser(parts, exchange),
  } as const;
  return [
    {
      method: "POST",
      template: "/auth/sign-up",
      access: "public",
      rate: "sign-up",
      successor: "/v2/auth/sign-up",
      serve: (exchange) => signUp(parts, exchange),
    },
    {
      method: "POST",
      template: "/auth/sign-in",
      access: "public",
      rate: "sign-in",
      successor: "/v2/auth/sign-in",
      serve: (exchange) => signIn(parts, exchange),
    },
    {
      method: "PUT",
      template: "/auth/token",
      access: "public",
      rate: "address",
      successor: "/v2/auth/refresh",
      serve: (exchange) => refresh(parts, exchange),
    },
    { ...find, template: "/auth/user" },
    { ...find, template: "/auth/user/get-by-email" },
  ];
}

async function signUp(
  { clients, optionsFor }: DialectParts,
  { json, context }: DialectExchange,
): Promise<DialectAnswer> {
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
}

function readProfile(body: JsonObject): Record<string, string> {
  const entries = profileFields.map((field) => [field, optionalText(body, field)] as const);
  const profile = Object.fromEntries(entries.filter(([, value]) => value !== ""));
  if (profile.birthday !== undefined && !isBirthday(profile.birthday)) {
    throw invalidInput("birthday", "must be a date, or a time as in RFC 3339");
  }
  return profile;
}

async function signIn(parts: DialectParts, { json, context }: DialectExchange): Promise<DialectAnswer> {
  const body = json();
  const credentials = { login: requiredText(body, "email"), password: requiredText(body, "password") };
  return { body: toPair(await parts.signIn(credentials, context)) };
}

async function refresh({ call }: DialectParts, { json, context }: DialectExchange): Promise<DialectAnswer> {
  const request = { refreshToken: requiredText(json(), "refresh_token") };
  return { body: toPair(await call(AuthService.method.refresh, request, context)) };
}

const toPair = ({ accessToken, refreshToken }: Pick<RefreshResponse, "accessToken" | "refreshToken">) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
});

async function findUser({ call }: DialectParts, { query, context }: DialectExchange): Promise<DialectAnswer> {
  const request = { email: requiredText(query, "email") };
  const { users } = await call(UserService.method.listUsers, request, context);
  if (!users[0]) throw fault("user-not-found");
  return { body: { user_id: users[0].id } };
}
