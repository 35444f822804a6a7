/**
 * The event bus may lose messages, even the last one of a chat, which no later one gives away. So the positions of the
 * connected users' chats are read now and then, a few users a second; and all of them, faster, when the bus says that
 * it may have lost some.
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
/** After a gap of the bus: a quarter of a core at the most, for as long as it takes. */
const maxUrgentUsersPerSecond = 500;
const urgentAtATime = 8;
/** How long after a first look a chat that a socket does not follow is looked at again: its event may be on its way. */
const secondLookSeconds = 2;

export class PositionSweep {
  readonly #options: PositionSweepOptions;
  #users: Iterator<string> = [].values();
  /** Still to be looked at since the last gap. */
  #urgent: string[] = [];
  #isUrgentUnderWay = false;
  #secondLooks: { userId: string; atTick: number }[] = [];
  #ticks = 0;
  #credit = 0;

  constructor(options: PositionSweepOptions) {
    this.#options = options;
  }

  /** To be called once a second. Resolves when what it began is done; never rejects. */
  async tick(): Promise<void> {
    this.#ticks += 1;
    const again = this.#secondLooks.filter(({ atTick }) => atTick <= this.#ticks);
    this.#secondLooks = this.#secondLooks.filter(({ atTick }) => atTick > this.#ticks);
    const due = this.#urgent.length > 0 ? [] : this.#nextInTurn();
    await Promise.all([
      ...again.map(({ userId }) => this.#look(userId, true)),
      ...due.map((userId) => this.#look(userId, false)),
      this.#lookUrgently(),
    ]);
  }

  /** All users are looked at, from the next second on. */
  checkAll(): void {
    this.#urgent = [...this.#options.users.userIds()];
  }

  /** Whoever could not be looked at stays in line. */
  async #lookUrgently(): Promise<void> {
    if (this.#isUrgentUnderWay || this.#urgent.length === 0) return;
    this.#isUrgentUnderWay = true;
    const userIds = this.#urgent.splice(-maxUrgentUsersPerSecond);
    const failed: string[] = [];
    const look = async (userId: string) => {
      if (failed.length > 0 || !(await this.#look(userId, false))) failed.push(userId);
    };
    for (let start = 0; start < userIds.length; start += urgentAtATime) {
      await Promise.all(userIds.slice(start, start + urgentAtATime).map(look));
    }
    this.#urgent.push(...failed);
    this.#isUrgentUnderWay = false;
  }

  #nextInTurn(): string[] {
    const { users, periodSeconds } = this.#options;
    if (periodSeconds === 0) return [];
    this.#credit = Math.min(maxUsersPerSecond, this.#credit + users.size / periodSeconds);
    const userIds: string[] = [];
    for (; this.#credit >= 1; this.#credit -= 1) {
      const userId = this.#nextUser();
      if (userId !== undefined) userIds.push(userId);
    }
    return userIds;
  }

  #nextUser(): string | undefined {
    const next = this.#users.next();
    if (!next.done) return next.value;
    this.#users = this.#options.users.userIds()[Symbol.iterator]();
    return this.#users.next().value;
  }

  /** Whether it could be done. Never rejects. */
  async #look(userId: string, isSecond: boolean): Promise<boolean> {
    const { users, messenger, gate, log, callTimeoutMs } = this.#options;
    const [listener] = users.listenersOf(userId);
    if (!listener) return true;
    try {
      const read = () => messenger.listPositions({ userId }, { timeoutMs: callTimeoutMs });
      const { positions } = await gate.run(read);
      this.#compare(userId, positions, isSecond);
      return true;
    } catch (error) {
      log.warn({ err: error }, "positions could not be checked");
      return false;
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
