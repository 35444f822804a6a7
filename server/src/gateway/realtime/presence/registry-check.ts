/**
 * Compares what is known of the watched users with the registry after either may have lost something, without taking
 * a registry that is being rebuilt for the truth: for a while nobody goes offline by what it does not say, and then only
 * if a later heartbeat proves that it has not been emptied meanwhile.
 */
import type { WatchedUsers } from "#gateway/realtime/presence/watched-users.ts";

/** The others have noticed and written their users anew, 5,000 a second each. */
const settleSeconds = 30;
const maxReadsPerTick = 2_000;

export interface RegistryCheckOptions {
  watched: Pick<WatchedUsers, "ids" | "readAgain" | "drop" | "pods" | "setPods" | "startRound">;
}

interface Missing {
  userId: string;
  podIds: string[];
}

export class RegistryCheck {
  readonly #options: RegistryCheckOptions;
  /** Until then the registry is taken to be incomplete. */
  #settleTicks = 0;
  #unread: string[] = [];
  #mustRead = false;
  /** Not found in the registry since the last heartbeat was sent. */
  #missing: Missing[] = [];

  constructor(options: RegistryCheckOptions) {
    this.#options = options;
  }

  restart(): void {
    this.#settleTicks = settleSeconds;
    this.#mustRead = true;
    this.#unread = [];
    this.#missing = [];
  }

  /** To be called before a heartbeat is sent; what was read before is certain if the registry was whole after it. */
  startRound(): Missing[] {
    this.#options.watched.startRound();
    const round = this.#missing;
    this.#missing = [];
    return round;
  }

  endRound(round: readonly Missing[], wasKnown: boolean, pods: ReadonlySet<string>): void {
    const { watched } = this.#options;
    // Gateways that have not yet said again that they live count as alive meanwhile.
    watched.setPods(this.#settleTicks > 0 ? new Set([...watched.pods, ...pods]) : pods);
    if (wasKnown) for (const { userId, podIds } of round) watched.drop(userId, podIds);
  }

  /** The heartbeat did not arrive: it proves nothing. */
  abandonRound(round: readonly Missing[]): void {
    this.#missing.unshift(...round);
  }

  /** To be called once a second while Redis is there. */
  tick(): void {
    if (this.#settleTicks > 0) {
      this.#settleTicks -= 1;
      return;
    }
    if (this.#mustRead) {
      this.#mustRead = false;
      this.#unread = [...this.#options.watched.ids()];
    }
    for (const userId of this.#unread.splice(-maxReadsPerTick)) void this.#read(userId);
  }

  async #read(userId: string): Promise<void> {
    try {
      const podIds = await this.#options.watched.readAgain(userId);
      if (podIds.length > 0) this.#missing.push({ userId, podIds });
    } catch {
      this.#unread.push(userId);
    }
  }
}
