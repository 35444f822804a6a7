/** What is written into access tokens and checked in them: the same for identity, which signs, and the gateway. */
import { text } from "#platform/settings.ts";

export const tokenSettings = {
  PARLEY_ISSUER: text("the issuer (iss) named in access tokens", "parley"),
  PARLEY_AUDIENCE: text("the audience (aud) named in access tokens", "parley"),
};
