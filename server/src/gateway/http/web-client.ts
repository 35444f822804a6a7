/** Serves the web client's build, and its start page for every address inside of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { pageHeaders } from "#gateway/http/html.ts";
import { fault } from "#platform/errors.ts";

const aYearS = 31_536_000;
const startPage = "index.html";

/** Without a build, the way in leads to the documentation. */
export async function registerWebClient(app: FastifyInstance, webRoot: string | undefined): Promise<void> {
  if (webRoot === undefined || !existsSync(join(webRoot, startPage))) {
    app.get("/", (_request, reply) => reply.redirect("/docs"));
    app.setNotFoundHandler(() => {
      throw fault("route-not-found");
    });
    return;
  }
  await app.register(fastifyStatic, {
    root: webRoot,
    prefix: "/",
    cacheControl: false,
    setHeaders: (reply, path) => void reply.headers(pageHeaders).header("cache-control", cacheControl(path)),
  });
  app.setNotFoundHandler((request, reply) => {
    if (!isNavigation(request)) throw fault("route-not-found");
    return sendStartPage(reply);
  });
}

function sendStartPage(reply: FastifyReply) {
  return reply.code(200).sendFile(startPage);
}

/** The build names assets by their content; everything else may change under its name. */
function cacheControl(path: string): string {
  return /[\\/]assets[\\/]/.test(path) ? `public, max-age=${aYearS}, immutable` : "no-cache";
}

const ownPaths = /^\/(v2|docs|swagger|\.well-known|assets|parley\.)/;

/** A person going to an address inside the web client, not a program calling what does not exist. */
function isNavigation({ method, headers, url }: FastifyRequest): boolean {
  return method === "GET" && (headers.accept ?? "").includes("text/html") && !ownPaths.test(url);
}
