/** Which limit each method counts against, as the contract says (option parley.v2.rate_class), or by its kind. */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { http } from "@parley/api/google/api/annotations";
import { RateClass, rate_class } from "@parley/api/v2/options";
import { isPublic } from "#gateway/access.ts";

export type RateClassName =
  | "read"
  | "write"
  | "send"
  | "lookup"
  | "search"
  | "socket"
  | "sign-in"
  | "sign-up"
  | "address"
  // Of the old API of this name.
  | "messenger-v1";

const names: Record<Exclude<RateClass, RateClass.UNSPECIFIED>, RateClassName> = {
  [RateClass.READ]: "read",
  [RateClass.WRITE]: "write",
  [RateClass.SEND]: "send",
  [RateClass.LOOKUP]: "lookup",
  [RateClass.SEARCH]: "search",
  [RateClass.SOCKET]: "socket",
  [RateClass.SIGN_IN]: "sign-in",
  [RateClass.SIGN_UP]: "sign-up",
  [RateClass.ADDRESS]: "address",
};

export function rateClassOf(method: DescMethod): RateClassName {
  const given = getOption(method, rate_class);
  if (given !== RateClass.UNSPECIFIED) return names[given];
  if (isPublic(method)) return "address";
  return getOption(method, http).pattern.case === "get" ? "read" : "write";
}
