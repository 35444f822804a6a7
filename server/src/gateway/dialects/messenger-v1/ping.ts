/** Whether the gateway is there, and whether the database is. */
import type { DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { fault } from "#platform/errors.ts";
import { nilUuid } from "#platform/uuid.ts";

const timeoutMs = 2_000;

export function pingRoutes({ clients }: DialectParts): DialectRoute[] {
  const ping: DialectRoute = {
    method: "GET",
    template: "/ping",
    access: "public",
    rate: "messenger-v1",
    successor: "/docs",
    serve: async () => ({}),
  };
  const pingDatabase: DialectRoute = {
    ...ping,
    template: "/ping_db",
    // Both ask the database itself each time; each of them may have one of its own.
    async serve({ context: { signal } }) {
      const options = signal ? { signal, timeoutMs } : { timeoutMs };
      // Of nobody, so that as good as nothing is read.
      try {
        await Promise.all([
          clients.identity.findMissingUsers({ userIds: [nilUuid] }, options),
          clients.messengerInternal.listPositions({ userId: nilUuid }, options),
        ]);
      } catch (error) {
        // One that hangs is away as well.
        throw fault("unavailable", { cause: error });
      }
      return {};
    },
  };
  return [ping, pingDatabase];
}
