/** A client of social's WebSocket as its users wrote theirs: nothing but frames, and the token in the address. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { after } from "node:test";
import { WebSocket } from "ws";
import { until } from "#test/until.ts";

export interface SocialMessage {
  id: string;
  text: string;
  status: string;
  create_time: string;
  user_id: string;
  chat_id: string;
}

const deadlineMs = 10_000;

/** Where it is opened, at a Parley with this address. */
export const socialUrlOf = (url: string): string => `${url.replace("http", "ws")}/messenger/ws`;

export class SocialClient {
  readonly ws: WebSocket;
  /** In the order in which they came. */
  readonly messages: SocialMessage[] = [];
  readonly errors: { code: number; message: string }[] = [];
  /** Frames that are neither. */
  readonly others: string[] = [];
  /** Of the answer that opened it. */
  upgrade: IncomingMessage | undefined;
  closed: { code: number; reason: string } | undefined;

  constructor(url: string, token: string, protocols: string[] = []) {
    this.ws = new WebSocket(`${url}?token=${token}`, protocols);
    this.ws.on("message", (data) => this.#take(data.toString()));
    this.ws.on("upgrade", (response) => {
      this.upgrade = response;
    });
    this.ws.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.ws.on("error", () => {});
    after(() => this.ws.terminate());
  }

  static async open(url: string, token: string, protocols: string[] = []): Promise<SocialClient> {
    const client = new SocialClient(url, token, protocols);
    await client.opened();
    return client;
  }

  async opened(): Promise<void> {
    await once(this.ws, "open", { signal: AbortSignal.timeout(deadlineMs) });
  }

  #take(text: string) {
    const { topic, action, payload } = JSON.parse(text);
    if (topic === "messenger" && action === "error") this.errors.push(JSON.parse(payload));
    else if (topic === "messenger" && action === "send-message")
      this.messages.push(...JSON.parse(payload).messages);
    else this.others.push(text);
  }

  send(chatId: string, ...texts: string[]): void {
    const messages = texts.map((text) => ({ text, status: "created" }));
    this.sendFrame({ payload: JSON.stringify({ chat_id: chatId, messages }) });
  }

  sendFrame(fields: object): void {
    this.ws.send(JSON.stringify({ topic: "messenger", action: "send-message", ...fields }));
  }

  get texts(): string[] {
    return this.messages.map((message) => message.text);
  }

  async untilTexts(count: number): Promise<string[]> {
    await until(
      () => `${this.messages.length} of ${count} messages came`,
      () => this.messages.length >= count,
    );
    return this.texts;
  }

  async untilErrors(count: number): Promise<number[]> {
    await until(
      () => `${this.errors.length} of ${count} errors came`,
      () => this.errors.length >= count,
    );
    return this.errors.map((error) => error.code);
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    await until("the close", () => this.closed !== undefined);
    return this.closed!;
  }
}
