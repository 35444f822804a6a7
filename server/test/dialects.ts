/** The dialects as they describe themselves: none of their routes can be served. */
import { gatewaySettings } from "#gateway/config.ts";
import { createDialects } from "#gateway/dialects/create-dialects.ts";
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import type { DialectName } from "#gateway/dialects/versions.ts";
import { readSettings } from "#platform/settings.ts";

/** Stands for whatever a dialect is made of: here none is asked for anything. */
const nothing: never = new Proxy(() => {}, { get: () => nothing, apply: () => nothing }) as never;

const parts = new Proxy({} as DialectParts, {
  get: (_target, name) => (name === "config" ? readSettings(gatewaySettings, {}, []) : nothing),
});

export const describedDialects: ReadonlyMap<DialectName, Dialect> = new Map(
  createDialects(parts).map((dialect) => [dialect.name, dialect]),
);

/** As "GET /v1/chats/{chat_id}", sockets as well. */
export function routesOf(name: DialectName): string[] {
  const { routes, sockets = [] } = describedDialects.get(name)!;
  const called = [
    ...routes.map(({ method, template }) => `${method} ${template}`),
    ...sockets.map(({ path }) => `GET ${path}`),
  ];
  return [...new Set(called)].sort();
}
