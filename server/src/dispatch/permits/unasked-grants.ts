/** What was sent to a provider without quotas: nobody has to be asked for a permit, so the ledger is told afterwards. */
import { Grant, type GrantTerms } from "#dispatch/permits/grant.ts";

const noTerms: Omit<GrantTerms, "episode" | "isSuspect"> = {
  epochs: [],
  lasts: [],
  isProbe: false,
  useByMs: Number.POSITIVE_INFINITY,
};

export class UnaskedGrants {
  #grant = new Grant({ ...noTerms, episode: 0, isSuspect: false }, 0);
  #untold = 0;

  /** Permits that were given and are not told of. */
  get untold(): number {
    return this.#untold;
  }

  take(): Grant {
    this.#untold += 1;
    return this.#grant;
  }

  /** False: it is not one of these, or was told of already. */
  cameBack(grant: Grant): boolean {
    if (grant !== this.#grant || this.#untold === 0) return false;
    this.#untold -= 1;
    return true;
  }

  /** What the ledger says of those to come. */
  renew({ episode, isSuspect }: Pick<GrantTerms, "episode" | "isSuspect">): void {
    const { terms } = this.#grant;
    if (terms.episode === episode && terms.isSuspect === isSuspect) return;
    this.#grant = new Grant({ ...noTerms, episode, isSuspect }, 0);
  }

  /** Takes what is to be told; give it back with `restore` when it was not. */
  tell(): { unasked: number; restore(): void } {
    const unasked = this.#untold;
    this.#untold = 0;
    return {
      unasked,
      restore: () => {
        this.#untold += unasked;
      },
    };
  }
}
