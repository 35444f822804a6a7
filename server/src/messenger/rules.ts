/** Who may do what. Whoever is not a member never gets this far: to them the chat does not exist. */
import type { LockedChat } from "#messenger/store-changes.ts";
import { fault } from "#platform/errors.ts";

type Standing = Pick<LockedChat, "kind" | "role">;

/** What messages are processed by, and their language: in a direct chat it is for both to say. */
export function requireCanConfigure({ kind, role }: Standing): void {
  if (kind !== "direct" && role === "member") throw fault("forbidden");
}

/** Title and members of groups and channels; a direct chat has neither to change. */
export function requireCanManage({ kind, role }: Standing): void {
  if (kind === "direct" || role === "member") throw fault("forbidden");
}

/** In a channel only owner and admins write. New messages are judged by the same rule in SQL. */
export function requireCanWrite({ kind, role }: Standing): void {
  if (kind === "channel" && role === "member") throw fault("forbidden");
}

/** The owner removes anyone, admins remove members, and everyone may leave a group or channel. */
export function requireCanRemove(chat: Standing, target: { role: string; isCaller: boolean }): void {
  if (chat.kind === "direct") throw fault("forbidden");
  if (target.isCaller || chat.role === "owner") return;
  if (chat.role !== "admin" || target.role !== "member") throw fault("forbidden");
}
