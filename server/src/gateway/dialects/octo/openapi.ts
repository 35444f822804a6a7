import type { OpenApiPart } from "#gateway/dialects/dialect.ts";

export const octoOpenApi: OpenApiPart = { title: "octo", description: "", paths: {} };
