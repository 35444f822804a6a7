/** Registrations under way in this process: hundreds under one login, sent at once, cost one password hash. */
export interface Registrations {
  /**
   * Undefined when another one with one of these keys was under way, and has made its account. After one that failed,
   * as after one on another pod, the unique keys of the database decide.
   */
  run<Account>(keys: readonly string[], register: () => Promise<Account>): Promise<Account | undefined>;
}

export function createRegistrations(): Registrations {
  /** Whether it makes an account. */
  const underWay = new Map<string, Promise<boolean>>();
  return {
    async run(keys, register) {
      for (const key of keys) {
        const rival = underWay.get(key);
        if (rival && (await rival)) return undefined;
      }
      const account = register();
      const isMade = account.then(
        () => true,
        () => false,
      );
      for (const key of keys) underWay.set(key, isMade);
      try {
        return await account;
      } finally {
        for (const key of keys) if (underWay.get(key) === isMade) underWay.delete(key);
      }
    },
  };
}
