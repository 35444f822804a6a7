/** What bounds the values that are in memory at once: how many of one caller, and how many bytes of all. */
import type { DialectExchange, DialectParts } from "#gateway/dialects/dialect.ts";
import { createByteBudget } from "#gateway/dialects/kv/byte-budget.ts";

export interface Places {
  /** Of a put: the value in base64, with line breaks, and what else there is. */
  readonly maxBodyBytes: number;
  /** Before the body is read. Rejects with "too-many-requests" or "overloaded"; given back when the answer is out. */
  takeForBody(exchange: DialectExchange): Promise<void>;
  /** The same, before a value of this size is read. */
  takeForAnswer(exchange: DialectExchange, size: number): Promise<void>;
}

const leastBudgetBytes = 268_435_456;
/** So many callers must come together to leave nothing for others; each may have one of the largest values at least. */
const shares = 4;
/** Key, extension and names. */
const restOfBodyBytes = 16_384;
/** A third more for base64, and some for line breaks, which JSON escapes. */
const inBase64 = (bytes: number) => Math.ceil(bytes * 1.5);

export function createPlaces({
  config,
  transferTurns,
}: Pick<DialectParts, "config" | "transferTurns">): Places {
  const maxBodyBytes = inBase64(config.PARLEY_KV_MAX_BYTES) + restOfBodyBytes;
  const maxBytes = Math.max(leastBudgetBytes, 4 * maxBodyBytes);
  const budget = createByteBudget({ maxBytes, maxBytesOfCaller: maxBytes / shares });
  const { PARLEY_CALL_TIMEOUT_MS: timeoutMs } = config;

  async function take({ context, onClosed }: DialectExchange, bytes: number): Promise<void> {
    const caller = context.caller?.userId ?? context.clientAddress;
    const turn = { timeoutMs, signal: context.signal };
    await new Promise<void>((resolve, reject) => {
      const hold = () => {
        budget.take(caller, bytes);
        resolve();
        return new Promise<void>(onClosed).finally(() => budget.giveBack(caller, bytes));
      };
      transferTurns.run(caller, turn, async () => hold()).catch(reject);
    });
  }

  return {
    maxBodyBytes,
    takeForBody(exchange) {
      const length = Number(exchange.request.headers["content-length"] ?? maxBodyBytes);
      return take(exchange, Math.min(length, maxBodyBytes));
    },
    takeForAnswer: (exchange, size) => take(exchange, inBase64(size)),
  };
}
