/**
 * For how long somebody else may be silent. A process that was held up itself (suspended, out of its turn on a busy machine) has not
 * listened meanwhile: so the time is counted in steps, and however long a step was, it counts as one.
 */
export interface SilenceLimit {
  /** From now on, all of it again; also after its end. */
  renew(): void;
  /** To be called at last. */
  stop(): void;
}

const steps = 4;

export function createSilenceLimit(limitMs: number, onEnd: () => void): SilenceLimit {
  let left = steps;
  let isStopped = false;
  const step = () => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    // What has come while the last step was held up is read after the timers of this turn, and may renew or stop it.
    setImmediate(() => {
      if (left === 0 && !isStopped) onEnd();
    });
  };
  const count = () => setInterval(step, limitMs / steps);
  let timer = count();
  return {
    renew() {
      if (left > 0) timer.refresh();
      else timer = count();
      left = steps;
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
