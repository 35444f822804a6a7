/** What a process may be: the gateway, or the home of a service, or all of them at once. */

const serviceNames = ["identity", "messenger", "dispatch", "search", "blobs"] as const;
export type ServiceName = (typeof serviceNames)[number];
export const roleNames = ["gateway", ...serviceNames] as const;
export type Role = (typeof roleNames)[number];

export const areAllRoles = (roles: readonly Role[]): boolean => roles.length === roleNames.length;

/** Services need the database; a gateway alone has none. */
export const includeAService = (roles: readonly Role[]): boolean =>
  serviceNames.some((name) => roles.includes(name));
