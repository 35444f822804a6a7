/** A dialect's routes as an OpenAPI document: all of them deprecated, with the day on which they may be gone. */
import type { Dialect } from "#gateway/dialects/dialect.ts";
import { documentPath, lifetimes } from "#gateway/dialects/versions.ts";

type Operations = Readonly<Record<string, object>>;

/** Keys of an OpenAPI path item that are operations. */
const methods = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);

/** Old APIs grow no more. */
const documentVersion = "1.0.0";

export function dialectDocument({ name, openApi }: Pick<Dialect, "name" | "openApi">): object {
  const { title, description, paths, components } = openApi;
  const sunset = lifetimes[name].sunsetAt.toISOString().slice(0, 10);
  const notice = `Deprecated: served at least until ${sunset}. [v2](/docs) replaces it, with the same accounts and data.`;
  const deprecate = (item: Operations) =>
    Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key,
        methods.has(key) ? { ...value, deprecated: true, "x-sunset": sunset } : value,
      ]),
    );
  return {
    openapi: "3.1.1",
    info: { title, description: `${description}\n\n${notice}`, version: documentVersion, "x-sunset": sunset },
    externalDocs: { url: "/docs", description: "The API that replaces it" },
    servers: [{ url: "/" }],
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, item]) => [path, deprecate(item as Operations)]),
    ),
    ...(components ? { components } : {}),
  };
}

/** For a list to choose from. */
export const dialectDocuments = (dialects: readonly Pick<Dialect, "name">[]) =>
  dialects.map(({ name }) => ({ url: documentPath(name), name }));
