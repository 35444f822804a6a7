/** Each service as a pod of its own, in the order in which they call each other. */
import type { App } from "#app/app.ts";

export type ServiceRole = "identity" | "messenger" | "dispatch" | "search" | "blobs";

export interface ServicesApart {
  /** The settings that lead a gateway to them. */
  readonly urls: Record<`PARLEY_${Uppercase<ServiceRole>}_URL`, string>;
  /** In the order to stop them in. */
  readonly pods: readonly App[];
}

/** start: is given the settings that lead to the services that this one calls. */
export async function startServicesApart(
  start: (role: ServiceRole, urls: Record<string, string>) => Promise<App>,
): Promise<ServicesApart> {
  const urlOf = (pod: App) => `http://127.0.0.1:${pod.servicePort}`;
  const identity = await start("identity", {});
  const dispatch = await start("dispatch", {});
  const blobs = await start("blobs", {});
  const ofMessenger = { PARLEY_DISPATCH_URL: urlOf(dispatch), PARLEY_BLOBS_URL: urlOf(blobs) };
  const messenger = await start("messenger", ofMessenger);
  const ofSearch = { PARLEY_IDENTITY_URL: urlOf(identity), PARLEY_MESSENGER_URL: urlOf(messenger) };
  const search = await start("search", ofSearch);
  return {
    urls: { ...ofMessenger, ...ofSearch, PARLEY_SEARCH_URL: urlOf(search) },
    pods: [search, messenger, blobs, dispatch, identity],
  };
}
