/** What PARLEY_BLOB_STORE says, read without touching anything. Messages complete "PARLEY_BLOB_STORE …". */
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";

export type StoreLocation = FileLocation | S3Location | AzureLocation;

export interface FileLocation {
  kind: "file";
  folder: string;
}

export interface S3Location {
  kind: "s3";
  bucket: string;
  /** Empty, or ends with "/". */
  prefix: string;
  /** Undefined: as AWS's own settings say. */
  region: string | undefined;
  /** Undefined: AWS itself. */
  endpoint: string | undefined;
  /** The bucket in the path instead of in the host name. */
  pathStyle: boolean;
}

export interface AzureLocation {
  kind: "azblob";
  container: string;
  /** Empty, or ends with "/". */
  prefix: string;
  /** Undefined: as the account's name or the connection string says. */
  endpoint: string | undefined;
}

const parameters: Record<string, readonly string[]> = {
  file: [],
  s3: ["region", "endpoint", "pathStyle"],
  azblob: ["endpoint"],
};

export function parseStoreUrl(text: string): StoreLocation {
  const kind = /^([a-z0-9]+):\/\//.exec(text)?.[1];
  if (!kind || !Object.hasOwn(parameters, kind) || !URL.canParse(text)) {
    throw new Error("must be file:///folder, s3://bucket/prefix or azblob://container/prefix");
  }
  const url = new URL(text);
  if (url.username || url.password) {
    throw new Error(
      "must hold no credentials: they are taken from the environment, see docs/object-stores.md",
    );
  }
  if (url.hash || url.port) throw new Error("must have neither a port nor a #");
  for (const name of url.searchParams.keys()) {
    if (!parameters[kind]!.includes(name)) throw new Error(`has an unknown parameter: ${name}`);
    if (url.searchParams.getAll(name).length > 1) throw new Error(`has ${name} more than once`);
  }
  if (kind === "file") return fileLocation(url);
  return kind === "s3" ? s3Location(url) : azureLocation(url);
}

function fileLocation(url: URL): FileLocation {
  if (url.hostname) throw new Error("must have three slashes before the folder: file:///folder");
  const folder = fileURLToPath(url);
  if (!isAbsolute(folder) || folder === "/") throw new Error("must name a folder of its own: file:///folder");
  return { kind: "file", folder };
}

function s3Location(url: URL): S3Location {
  const pathStyle = url.searchParams.get("pathStyle") ?? "false";
  if (pathStyle !== "true" && pathStyle !== "false") throw new Error("must have pathStyle=true or =false");
  const region = url.searchParams.get("region") ?? undefined;
  if (region !== undefined && !/^[a-z0-9-]+$/.test(region))
    throw new Error("must have a region like eu-central-1");
  return {
    kind: "s3",
    bucket: containerOf(url, /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "bucket"),
    prefix: prefixOf(url),
    region,
    endpoint: endpointOf(url),
    pathStyle: pathStyle === "true",
  };
}

function azureLocation(url: URL): AzureLocation {
  const container = containerOf(url, /^[a-z0-9](-?[a-z0-9]){2,62}$/, "container");
  return { kind: "azblob", container, prefix: prefixOf(url), endpoint: endpointOf(url) };
}

function containerOf(url: URL, pattern: RegExp, what: string): string {
  if (!pattern.test(url.hostname)) throw new Error(`must name a ${what}: ${url.protocol}//${what}/prefix`);
  return url.hostname;
}

function prefixOf(url: URL): string {
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  if (path === "") return "";
  if (!/^[A-Za-z0-9._/-]{1,200}$/.test(path) || path.includes("//")) {
    throw new Error("must have a prefix of letters, digits and . _ - /");
  }
  return `${path}/`;
}

function endpointOf(url: URL): string | undefined {
  const text = url.searchParams.get("endpoint");
  if (text === null) return undefined;
  const endpoint = URL.canParse(text) ? new URL(text) : undefined;
  if (!endpoint || !/^https?:$/.test(endpoint.protocol) || endpoint.search || endpoint.hash) {
    throw new Error("must have an endpoint that begins with https:// or http://");
  }
  if (endpoint.username || endpoint.password) throw new Error("must have an endpoint without credentials");
  return text.replace(/\/+$/, "");
}
