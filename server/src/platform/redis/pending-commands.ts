/**
 * The commands of one connection that wait for their answer, with their deadlines. A timer for each would cost more
 * than the command: they are looked through, oldest first, a few times within a deadline.
 */
import { RedisAwayError } from "#platform/redis/redis-errors.ts";

export interface PendingCommand {
  readonly sentAtMs: number;
  reject(error: Error): void;
}

export class PendingCommands {
  /** In the order in which they were sent, which is that of their answers. */
  readonly #commands = new Set<PendingCommand>();
  readonly #timeoutMs: number;
  #checkedAtMs = performance.now();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#commands.size;
  }

  add(command: PendingCommand): void {
    this.#commands.add(command);
  }

  /** Answers whether it was still waited for. */
  remove(command: PendingCommand): boolean {
    return this.#commands.delete(command);
  }

  /** Rejects what is overdue and answers whether there was any. To be called every checkMs. */
  rejectOverdue(): boolean {
    const nowMs = performance.now();
    // After a pause of this process the answers may be there, unread.
    const wasPaused = nowMs - this.#checkedAtMs > this.#timeoutMs;
    this.#checkedAtMs = nowMs;
    if (wasPaused) return false;
    let isAnyOverdue = false;
    for (const command of this.#commands) {
      if (nowMs - command.sentAtMs < this.#timeoutMs) break;
      isAnyOverdue = true;
      this.#commands.delete(command);
      command.reject(new RedisAwayError(`no answer from Redis within ${this.#timeoutMs} ms`));
    }
    return isAnyOverdue;
  }

  rejectAll(error: Error): void {
    for (const command of this.#commands) command.reject(error);
    this.#commands.clear();
  }

  get checkMs(): number {
    return Math.max(10, this.#timeoutMs / 5);
  }
}
