/**
 * Whom a reader of stamps has to hear from: the writing pods, by their signs of life in Redis. Redis may be emptied while
 * one of them is cut off and cannot sign again, so who was heard of is remembered here as well.
 */
export interface StampWriters {
  /** Takes what HGETALL answered, names and values in turn, and the time of Redis before it. */
  hear(found: readonly string[], redisNowMs: number): HeardWriters;
}

export interface HeardWriters {
  /** Since the oldest sign of life; undefined without any writer. */
  readonly oldestMs: number | undefined;
  /** Those that ended without saying so. They are forgotten here; in Redis the caller does it. */
  readonly ended: readonly string[];
}

/** Beside the signs of life stands a value that is another one after Redis was emptied. No pod has this name. */
export const epochField = "epoch";

interface Sign {
  readonly atMs: number;
  readonly epoch: string | undefined;
}

export function createStampWriters({ forgetMs }: { forgetMs: number }): StampWriters {
  const signs = new Map<string, Sign>();
  return {
    hear(found, redisNowMs) {
      const fields = new Map<string, string>();
      for (let i = 0; i < found.length; i += 2) fields.set(found[i]!, found[i + 1]!);
      const epoch = fields.get(epochField);
      fields.delete(epochField);
      // Who is missing although Redis has not been emptied since has ended in order.
      for (const [writer, sign] of signs)
        if (epoch !== undefined && sign.epoch === epoch) signs.delete(writer);
      for (const [writer, atMs] of fields) signs.set(writer, { atMs: Number(atMs), epoch });
      const ended = [...signs]
        .filter(([, { atMs }]) => redisNowMs - atMs > forgetMs)
        .map(([writer]) => writer);
      for (const writer of ended) signs.delete(writer);
      const oldestAtMs = Math.min(...[...signs.values()].map(({ atMs }) => atMs));
      return { oldestMs: signs.size === 0 ? undefined : redisNowMs - oldestAtMs, ended };
    },
  };
}
