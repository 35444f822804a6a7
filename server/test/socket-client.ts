/** A bare client of /v2/ws, as thin as can be: it shows every frame and hides nothing. */
import { once } from "node:events";
import { after } from "node:test";
import type { EventJson } from "@parley/api/v2/event";
import type { ResumeResponseJson } from "@parley/api/v2/realtime";
import { WebSocket } from "ws";

export interface Answer {
  id: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the method answers
  result?: any;
  error?: {
    code: string;
    message: string;
    traceId?: string;
    violations?: { field: string; message: string }[];
  };
}

/** As patient as `until`: on a busy machine anything may take seconds. */
const deadlineMs = 20_000;

export class SocketClient {
  readonly ws: WebSocket;
  readonly events: EventJson[] = [];
  readonly positions: Record<string, number>[] = [];
  /** Answers and pushes, in the order in which they came. */
  readonly frames: Record<string, unknown>[] = [];
  /** Answers whose id nobody waits for. */
  readonly strayAnswers: Answer[] = [];
  closed: { code: number; reason: string } | undefined;
  onEvent: (event: EventJson) => void = () => {};
  #nextId = 1;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #changed: (() => void)[] = [];

  constructor(url: string, token?: string, options: object = {}) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    this.ws = new WebSocket(url, "parley.v2.json", { headers, ...options });
    this.ws.on("message", (data) => this.#take(JSON.parse(data.toString())));
    this.ws.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      for (const resolve of this.#waiting.values())
        resolve({ id: null, error: { code: "closed", message: "" } });
      this.#tellChange();
    });
    this.ws.on("error", () => {});
    after(() => this.ws.terminate());
  }

  static async open(url: string, token?: string, options: object = {}): Promise<SocketClient> {
    const client = new SocketClient(url, token, options);
    await once(client.ws, "open", { signal: AbortSignal.timeout(deadlineMs) });
    return client;
  }

  #take(frame: Record<string, unknown>) {
    this.frames.push(frame);
    if (Array.isArray(frame.events)) {
      for (const event of frame.events as EventJson[]) {
        this.events.push(event);
        this.onEvent(event);
      }
    } else if (frame.positions) {
      this.positions.push(frame.positions as Record<string, number>);
    } else {
      const answer = frame as unknown as Answer;
      const resolve = this.#waiting.get(answer.id ?? -1);
      if (resolve) resolve(answer);
      else this.strayAnswers.push(answer);
      this.#waiting.delete(answer.id ?? -1);
    }
    this.#tellChange();
  }

  #failWaiting() {
    const takers = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const take of takers) take({ id: null, error: { code: "closed", message: "" } });
  }

  #tellChange() {
    for (const tell of this.#changed.splice(0)) tell();
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The whole answer, whether result or error. */
  ask(call: string, params: object = {}): Promise<Answer> {
    return new Promise((resolve) => this.askInOrder(call, params, resolve));
  }

  /** Calls back before the frame that follows the answer is looked at. */
  askInOrder(call: string, params: object, take: (answer: Answer) => void): void {
    const id = this.#nextId++;
    this.#waiting.set(id, take);
    if (this.closed) this.#failWaiting();
    else this.send({ id, call, params });
  }

  /** The result; throws on an error. */
  async call(call: string, params: object = {}) {
    const { result, error } = await this.ask(call, params);
    if (error) throw new Error(`${error.code}: ${error.message}`);
    return result;
  }

  async resume(positions: Record<string, number> = {}): Promise<ResumeResponseJson> {
    return this.call("RealtimeService/Resume", { positions });
  }

  /** Waits until something is so, looking again whenever a frame comes. */
  async until(isSo: () => boolean, what = "what was waited for"): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen within ${deadlineMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== undefined, "the close");
    return this.closed!;
  }

  seqs(chatId: string): number[] {
    return this.events.flatMap((event) => (event.chatId === chatId && event.seq ? [event.seq] : []));
  }
}
