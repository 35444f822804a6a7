/**
 * For how long somebody else may be silent. A process that was held up itself (suspended, out of its turn on a busy machine) has not
 * listened meanwhile: so the time is counted in steps, and however long a step was, it counts as one.
 */
export interface Patience {
  /** From now on, all of it again; also after its end. */
  renew(): void;
  /** To be called at last. */
  stop(): void;
}

const steps = 4;

export function createPatience(patienceMs: number, onEnd: () => void): Patience {
  let left = steps;
  const timer = setInterval(() => {
    left -= 1;
    if (left === 0) onEnd();
  }, patienceMs / steps);
  return {
    renew() {
      left = steps;
      timer.refresh();
    },
    stop: () => clearInterval(timer),
  };
}
