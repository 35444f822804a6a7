/** The shape that every service has: app/ starts and stops it, and serves its routes. */
import type { ConnectRouter } from "@connectrpc/connect";

export interface Service {
  readonly name: string;
  /** Adds the service's RPCs. Called once, before start. */
  routes(router: ConnectRouter): void;
  start(): Promise<void>;
  /** Finishes what is in flight and lets go of everything. Never throws. */
  stop(): Promise<void>;
}
