/**
 * Who may call what, for every transport. A method says so in the contract (option parley.v2.access); one that says
 * nothing needs a signed-in user.
 */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { Access, access } from "@parley/api/v2/options";
import type { Caller } from "#gateway/call.ts";
import { fault } from "#platform/errors.ts";

/** Throws "unauthenticated" or "forbidden". */
export function authorise(method: DescMethod, caller: Caller | undefined): void {
  const needed = accessOf(method);
  if (needed === Access.PUBLIC) return;
  if (!caller) throw fault("unauthenticated");
  if (needed === Access.UNSPECIFIED) return;
  // Whatever else an access level may come to mean: without the role for it nobody passes.
  if (needed !== Access.ADMIN || !caller.roles.includes("admin")) {
    throw fault("forbidden", { detail: "Only users with the role admin may" });
  }
}

export function isPublic(method: DescMethod): boolean {
  return accessOf(method) === Access.PUBLIC;
}

const known = new WeakMap<DescMethod, Access>();

function accessOf(method: DescMethod): Access {
  const level = known.get(method) ?? getOption(method, access);
  known.set(method, level);
  return level;
}
