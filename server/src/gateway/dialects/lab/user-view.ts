import type { Account } from "@parley/api/internal/identity";

export interface LabUser {
  id: string;
  first_name: string;
  last_name: string;
  email: string;
  title: string;
  login: string;
}

/** E-mail address and login name are shown to their owner only. */
export function userView(account: Account, viewerId: string): LabUser {
  const isOwn = account.userId === viewerId;
  return {
    id: account.userId,
    first_name: account.name,
    last_name: account.surname,
    email: isOwn ? account.email : "",
    title: account.profile.title ?? "",
    login: isOwn ? account.login : "",
  };
}
