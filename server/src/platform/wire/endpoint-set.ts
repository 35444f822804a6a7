/**
 * The processes that serve a service right now: those that its URLs name. A host name with several addresses, such as
 * a headless service of Kubernetes or a scaled service of Compose, stands for one process each, and is looked up again
 * and again.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Log } from "#platform/log.ts";
import type { Endpoint } from "#platform/wire/endpoint.ts";

export interface EndpointSet {
  current(): readonly Endpoint[];
  start(): Promise<void>;
  stop(): void;
}

export interface EndpointSetOptions {
  urls: readonly string[];
  create(url: string): Endpoint;
  log: Log;
  lookUpEveryMs?: number;
  /** All addresses of a host name. */
  addressesOf?: (hostname: string) => Promise<string[]>;
}

const defaultLookUpMs = 5_000;
/** An endpoint whose address is gone may still be answering calls. */
const lingerMs = 15_000;

export function createEndpointSet(options: EndpointSetOptions): EndpointSet {
  const { urls, create, log, lookUpEveryMs = defaultLookUpMs, addressesOf = lookUpAll } = options;
  const known = new Map<string, Endpoint>();
  let endpoints: readonly Endpoint[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const show = (wanted: ReadonlySet<string>) => {
    for (const url of wanted) if (!known.has(url)) known.set(url, create(url));
    for (const [url, endpoint] of known) if (!wanted.has(url)) retire(url, endpoint);
    endpoints = [...known.values()];
  };
  const retire = (url: string, endpoint: Endpoint) => {
    known.delete(url);
    setTimeout(() => endpoint.close(), lingerMs).unref();
  };
  const lookUp = async () => {
    try {
      const found = await Promise.all(urls.map((url) => expand(url, addressesOf)));
      if (!isStopped) show(new Set(found.flat()));
    } catch (error) {
      // Whoever was there a moment ago is most likely there still.
      log.warn({ err: error }, "the addresses of a service could not be looked up");
    }
  };
  const again = async () => {
    await lookUp();
    if (!isStopped) timer = setTimeout(again, lookUpEveryMs).unref();
  };
  return {
    current: () => endpoints,
    async start() {
      const hasNames = urls.some((url) => isSpread(new URL(url)));
      await (hasNames ? again() : lookUp());
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      for (const endpoint of known.values()) endpoint.close();
    },
  };
}

/** With TLS the name is needed to check the certificate, so there its addresses are left to the connection. */
const isSpread = ({ protocol, hostname }: URL) => protocol === "http:" && isIP(bare(hostname)) === 0;
const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, "");

async function expand(text: string, addressesOf: (hostname: string) => Promise<string[]>): Promise<string[]> {
  const url = new URL(text);
  if (!isSpread(url)) return [url.origin];
  const addresses = await addressesOf(url.hostname);
  return addresses.map((address) => {
    const host = isIP(address) === 6 ? `[${address}]` : address;
    return new URL(`http://${host}:${url.port || 80}`).origin;
  });
}

async function lookUpAll(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}
