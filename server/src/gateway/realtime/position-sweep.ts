/**
 * The event bus may lose messages, even the last one of a chat, which no later one gives away. So the positions of the
 * connected users' chats are read now and then, a few users a second.
 */
import type { Client } from "@connectrpc/connect";
import type { MessengerInternalService, Position } from "@parley/api/internal/messenger";
import type { FanOut } from "#gateway/fan-out.ts";
import type { UserConnections } from "#gateway/realtime/user-connections.ts";
import type { Connection } from "#gateway/socket.ts";
import type { Gate } from "#platform/gate.ts";
import type { Log } from "#platform/log.ts";

export interface PositionSweepOptions {
  users: UserConnections<Connection>;
  fanOut: FanOut;
  messenger: Pick<Client<typeof MessengerInternalService>, "listPositions">;
  gate: Gate;
  log: Log;
  callTimeoutMs: number;
  /** 0: never. */
  periodSeconds: number;
}

/** With more users the period grows: about one percent of a core is what this may cost. */
const maxUsersPerSecond = 20;
/** How long after a first look a chat that a socket does not follow is looked at again: its event may be on its way. */
const secondLookSeconds = 2;

export class PositionSweep {
  readonly #options: PositionSweepOptions;
  #users: Iterator<string> = [].values();
  #secondLooks: { userId: string; atTick: number }[] = [];
  #ticks = 0;
  #credit = 0;

  constructor(options: PositionSweepOptions) {
    this.#options = options;
  }

  /** To be called once a second. Resolves when what it began is done; never rejects. */
  async tick(): Promise<void> {
    const { users, periodSeconds } = this.#options;
    if (periodSeconds === 0) return;
    this.#ticks += 1;
    const again = this.#secondLooks.filter(({ atTick }) => atTick <= this.#ticks);
    this.#secondLooks = this.#secondLooks.filter(({ atTick }) => atTick > this.#ticks);
    this.#credit = Math.min(maxUsersPerSecond, this.#credit + users.size / periodSeconds);
    const looks = again.map(({ userId }) => this.#look(userId, true));
    for (; this.#credit >= 1; this.#credit -= 1) {
      const userId = this.#nextUser();
      if (userId !== undefined) looks.push(this.#look(userId, false));
    }
    await Promise.all(looks);
  }

  #nextUser(): string | undefined {
    const next = this.#users.next();
    if (!next.done) return next.value;
    this.#users = this.#options.users.userIds()[Symbol.iterator]();
    return this.#users.next().value;
  }

  async #look(userId: string, isSecond: boolean): Promise<void> {
    const { users, messenger, gate, log, callTimeoutMs } = this.#options;
    const [listener] = users.listenersOf(userId);
    if (!listener) return;
    try {
      const read = () => messenger.listPositions({ userId }, { timeoutMs: callTimeoutMs });
      const { positions } = await gate.run(read);
      this.#compare(userId, positions, isSecond);
    } catch (error) {
      log.warn({ err: error }, "positions could not be checked");
    }
  }

  #compare(userId: string, positions: Position[], isSecond: boolean) {
    const { users, fanOut } = this.#options;
    for (const { chatId, lastSeq } of positions) fanOut.get(chatId)?.notice(lastSeq);
    const chatIds = new Set(positions.map(({ chatId }) => chatId));
    let isMissing = false;
    for (const connection of [...users.listenersOf(userId)]) {
      if (connection.isResuming) continue;
      // The news that the user was removed is missing; the log has it, for those who may read it.
      for (const feed of connection.feeds) if (!chatIds.has(feed.chatId)) fanOut.get(feed.chatId)?.verify();
      const followed = new Set([...connection.feeds].map((feed) => feed.chatId));
      if (!positions.some(({ chatId }) => !followed.has(chatId))) continue;
      if (isSecond) connection.demandResume();
      else isMissing = true;
    }
    if (isMissing) this.#secondLooks.push({ userId, atTick: this.#ticks + secondLookSeconds });
  }
}
