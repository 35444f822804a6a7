/**
 * How long each version of the API is served: 24 months after its successor came. docs/api-versions.md states the same
 * for people, and a test compares the two.
 */
export const dialectNames = ["messenger-v1", "social", "kv", "octo", "lab"] as const;

export type DialectName = (typeof dialectNames)[number];

export interface Lifetime {
  /** When its successor, v2, came. */
  readonly deprecatedAt: Date;
  /** From when on it may be gone. */
  readonly sunsetAt: Date;
}

const v2: Lifetime = {
  deprecatedAt: new Date("2026-11-21T00:00:00Z"),
  sunsetAt: new Date("2028-11-21T00:00:00Z"),
};

export const lifetimes: Readonly<Record<DialectName, Lifetime>> = {
  "messenger-v1": v2,
  social: v2,
  kv: v2,
  octo: v2,
  lab: v2,
};

export const documentPath = (name: DialectName) => `/docs/dialects/${name}.json`;

/**
 * Deprecation as RFC 9745 has it, Sunset as RFC 8594, and a link to what to use instead (RFC 5829). A link holds no
 * braces: of "/v2/chats/{chatId}/messages" it names "/v2/chats". No successor: there is no such route.
 */
export function deprecationHeaders(name: DialectName, successor?: string): Record<string, string> {
  const { deprecatedAt, sunsetAt } = lifetimes[name];
  const instead = successor ? `<${successor.replace(/\/\{.*$/, "")}>; rel="successor-version", ` : "";
  return {
    deprecation: `@${deprecatedAt.getTime() / 1_000}`,
    sunset: sunsetAt.toUTCString(),
    link: `${instead}<${documentPath(name)}>; rel="service-desc"`,
  };
}
