import type { Catalogue, Provider } from "#dispatch/providers/catalogue.ts";

const masked = "********";
/** Options that hold one; headers may all do. */
const secretNames = /key|token|secret|password/i;

/** What is in force, for people: defaults filled in, secrets masked. */
export function describeCatalogue(catalogue: Catalogue): string {
  const { providers, processors, privateHosts, ...rest } = catalogue;
  const description = {
    ...rest,
    privateHosts: [...privateHosts],
    providers: [...providers.values()].map(describeProvider),
    processors: [...processors.values()].map((processor) => ({
      ...processor,
      providers: processor.providers.map(({ id }) => id),
    })),
  };
  return JSON.stringify(description, undefined, 2);
}

function describeProvider({ url, headers, options, ...rest }: Provider) {
  const shownUrl = new URL(url);
  for (const name of shownUrl.searchParams.keys()) shownUrl.searchParams.set(name, masked);
  return {
    ...rest,
    url: shownUrl.href,
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, masked])),
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, secretNames.test(name) ? masked : value]),
    ),
  };
}
