/** What a schema cannot say about a providers file: what belongs together, and what stands in the environment. */
import { checkAmount, checkProvider } from "#dispatch/providers/check-provider.ts";
import type { Path, Problem } from "#dispatch/providers/problem.ts";
import type { ProvidersFile } from "#dispatch/providers/providers-file.ts";
import type { Environment } from "#dispatch/providers/secrets.ts";
import { parseHost } from "#dispatch/sending/provider-url.ts";

export function checkFile(file: ProvidersFile, environment: Environment): Problem[] {
  const privateHosts = privateHostsOf(file);
  return [
    ...checkHosts(file),
    ...Object.entries(file.spendCap ?? {}).flatMap(([name, cap]) => checkAmount(cap, ["spendCap", name])),
    ...checkIds(file.providers, ["providers"]),
    ...file.providers.flatMap((entry, index) =>
      checkProvider(entry, ["providers", index], { environment, privateHosts }),
    ),
    ...checkIds(file.processors ?? [], ["processors"]),
    ...checkReferences(file),
  ];
}

export const privateHostsOf = ({ allowPrivateHosts = [] }: ProvidersFile): ReadonlySet<string> =>
  new Set(allowPrivateHosts.flatMap((host) => parseHost(host) ?? []));

function checkHosts({ allowPrivateHosts = [] }: ProvidersFile): Problem[] {
  return allowPrivateHosts.flatMap((host, index) =>
    parseHost(host) === undefined
      ? [
          {
            path: ["allowPrivateHosts", index],
            message: "must be the name or the address of a host, without port",
          },
        ]
      : [],
  );
}

function checkIds(entries: readonly { readonly id: string }[], path: Path): Problem[] {
  const seen = new Set<string>();
  return entries.flatMap(({ id }, index) => {
    const isRepeated = seen.has(id);
    seen.add(id);
    return isRepeated ? [{ path: [...path, index, "id"], message: `"${id}" is taken already` }] : [];
  });
}

function checkReferences({ providers, processors = [] }: ProvidersFile): Problem[] {
  const known = new Set(providers.map(({ id }) => id));
  return processors.flatMap((processor, at) =>
    (processor.providers ?? []).flatMap((id, index) =>
      known.has(id)
        ? []
        : [{ path: ["processors", at, "providers", index], message: `"${id}" is no provider of this file` }],
    ),
  );
}
