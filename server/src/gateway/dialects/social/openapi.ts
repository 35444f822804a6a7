import type { OpenApiPart } from "#gateway/dialects/dialect.ts";

export const socialOpenApi: OpenApiPart = { title: "social", description: "", paths: {} };
