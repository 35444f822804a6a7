/** Ends a stream that does not move although it is the other side's turn: a peer that hangs must not hold it for ever. */
export interface Patience {
  /** From now on it is the other side's turn, for so long. */
  begin(patienceMs: number): void;
  end(): void;
}

export function createPatience(onLost: () => void): Patience {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin(patienceMs) {
      clearTimeout(timer);
      timer = setTimeout(onLost, patienceMs).unref();
    },
    end: () => clearTimeout(timer),
  };
}
