/**
 * The API's description for programs (/v2/openapi.json) and people (/docs), those of the old APIs that are on
 * (/docs/dialects/, and /swagger/ as their clients know it), the error registry (/docs/errors), and the schema of
 * providers files for editors (/docs/providers.schema.json).
 */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Dialect } from "#gateway/dialects/dialect.ts";
import { dialectDocument, dialectDocuments } from "#gateway/dialects/openapi.ts";
import { documentPath } from "#gateway/dialects/versions.ts";
import { escapeHtml, htmlType, pageHeaders } from "#gateway/http/html.ts";
import { errorKinds } from "#platform/errors.ts";

const swaggerFiles = new Set([
  "/swagger-ui.css",
  "/swagger-ui-bundle.js",
  "/swagger-ui-standalone-preset.js",
  "/favicon-32x32.png",
]);
const docsStyle = `body{margin:0;font-family:system-ui,sans-serif}main{max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.5rem;border-bottom:1px solid #ddd}
tr:target{background:#fff3c4}nav{padding:.75rem 1rem;background:#1f2937}nav a{color:#fff;margin-right:1rem}
.api .swagger-ui .opblock.opblock-deprecated{opacity:1}
.api .swagger-ui .opblock.opblock-deprecated .opblock-summary-method{background:#4b5563}
@media(prefers-color-scheme:dark){.plain{background:#111827;color:#e5e7eb}.plain tr:target{background:#4b3b00}}\n`;

type DescribedDialect = Pick<Dialect, "name" | "openApi">;

export async function registerDocs(
  app: FastifyInstance,
  dialects: readonly DescribedDialect[],
): Promise<void> {
  const openApi = await readContract("openapi.json");
  const providersSchema = await readContract("schemas/providers.schema.json");
  app.get("/v2/openapi.json", (_request, reply) => send(reply, jsonType, openApi));
  app.get("/docs/providers.schema.json", (_request, reply) =>
    send(reply, "application/schema+json; charset=utf-8", providersSchema),
  );
  for (const path of ["/docs", "/docs/"])
    app.get(path, (_request, reply) => send(reply, htmlType, apiPage("/docs/start.js")));
  const startScript = startScriptOf([{ url: "/v2/openapi.json", name: "v2" }, ...dialectDocuments(dialects)]);
  app.get("/docs/errors", (_request, reply) => send(reply, htmlType, errorsPage()));
  app.get("/docs/start.js", (_request, reply) => send(reply, scriptType, startScript));
  app.get("/docs/style.css", (_request, reply) => send(reply, "text/css; charset=utf-8", docsStyle));
  if (dialects.length > 0) registerDialectDocs(app, dialects);
  await app.register(fastifyStatic, {
    root: dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json"))),
    prefix: "/docs/assets/",
    decorateReply: false,
    index: false,
    allowedPath: (path) => swaggerFiles.has(path),
    setHeaders: (reply) => void reply.headers(pageHeaders),
  });
}

/** The page is where clients of the old APIs look for it. */
function registerDialectDocs(app: FastifyInstance, dialects: readonly DescribedDialect[]): void {
  for (const dialect of dialects) {
    const document = JSON.stringify(dialectDocument(dialect));
    app.get(documentPath(dialect.name), (_request, reply) => send(reply, jsonType, document));
  }
  const startScript = startScriptOf(dialectDocuments(dialects));
  app.get("/swagger/index.html", (_request, reply) => send(reply, htmlType, apiPage("/swagger/start.js")));
  app.get("/swagger/start.js", (_request, reply) => send(reply, scriptType, startScript));
  for (const path of ["/swagger", "/swagger/"])
    app.get(path, (_request, reply) => reply.redirect("/swagger/index.html"));
}

const jsonType = "application/json; charset=utf-8";
const scriptType = "text/javascript; charset=utf-8";

function send(reply: FastifyReply, type: string, body: string) {
  return reply
    .headers(pageHeaders)
    .header("content-type", type)
    .header("cache-control", "no-cache")
    .send(body);
}

/**
 * Of a page with a list to choose from. No validator: it would tell somebody else of each document. No logo: it brings a
 * style of its own, which the policy forbids.
 */
const startScriptOf = (urls: readonly { url: string; name: string }[]) => `SwaggerUIBundle({
  urls: ${JSON.stringify(urls)}, dom_id: "#api", deepLinking: true, tryItOutEnabled: false, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: "StandaloneLayout",
  plugins: [() => ({ components: { Logo: () => null } })],
});
`;

const readContract = (path: string) =>
  readFile(fileURLToPath(import.meta.resolve(`@parley/api/${path}`)), "utf8");

const navigation = `<nav><a href="/docs">API</a><a href="/docs/errors">Errors</a><a href="/v2/openapi.json">OpenAPI</a></nav>`;

function page(options: { title: string; head: string; body: string; bodyClass: string }): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(options.title)}</title><link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/style.css">${options.head}</head>
<body class="${options.bodyClass}">${navigation}${options.body}</body></html>
`;
}

const apiPage = (startScriptPath: string) =>
  page({
    title: "Parley API",
    head: `<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script src="/docs/assets/swagger-ui-standalone-preset.js" defer></script>
<script src="${startScriptPath}" defer></script>`,
    body: `<div id="api"></div><noscript>This page needs JavaScript; the description itself is <a href="/v2/openapi.json">here</a>.</noscript>`,
    bodyClass: "api",
  });

function errorsPage(): string {
  const rows = Object.entries(errorKinds).map(
    ([code, { status, title }]) =>
      `<tr id="${escapeHtml(code)}"><td><a href="#${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return page({
    title: "Parley errors",
    head: "",
    body: `<main><h1>Errors</h1><p>Every error carries one of these codes, on every transport. A code keeps its meaning.</p>
<table><thead><tr><th>Code</th><th>HTTP status</th><th>Meaning</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table></main>`,
    bodyClass: "plain",
  });
}
