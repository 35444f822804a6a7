/** HTTP as it is on the line, where clients would normalise it or hold back. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after } from "node:test";
import { until } from "#test/until.ts";

export interface RawConnection {
  readonly socket: Socket;
  /** Text as latin1. */
  send(data: string | Buffer): void;
  /** All that has come so far, as latin1. */
  received(): string;
  /** Waits until it has come. */
  receive(expected: RegExp): Promise<string>;
  /** The peer has closed its side, or all. */
  closed(): Promise<void>;
}

export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: "127.0.0.1" });
  let text = "";
  let isClosed = false;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("end", () => {
    isClosed = true;
  });
  socket.on("close", () => {
    isClosed = true;
  });
  after(() => socket.destroy());
  await once(socket, "connect");
  return {
    socket,
    send: (data) => void socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data),
    received: () => text,
    async receive(expected) {
      await until(
        () => `${expected} in ${text.slice(0, 1_000)}`,
        () => expected.test(text),
      );
      return text;
    },
    async closed() {
      await until(
        () => `the end after ${text.slice(0, 1_000)}`,
        () => isClosed,
      );
    },
  };
}

/** The head of a request, with what every request needs. */
export function requestHead(line: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({ host: "parley.test", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${line} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** One exchange on a connection of its own. */
export async function exchange(port: number, head: string, body: string | Buffer = ""): Promise<RawAnswer> {
  const connection = await openRaw(port);
  connection.send(head.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
  connection.send(body);
  await connection.closed();
  return parseAnswer(connection.received());
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  /** As latin1. */
  body: string;
}

/** Of the last answer, where "100 Continue" came before. */
export function parseAnswer(text: string): RawAnswer {
  const final = text.replace(/^HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n/, "");
  const [head = "", ...rest] = final.split("\r\n\r\n");
  const [line = "", ...lines] = head.split("\r\n");
  const pairs = lines.map((one) => [
    one.split(":", 1)[0]!.toLowerCase(),
    one.slice(one.indexOf(":") + 1).trim(),
  ]);
  return {
    status: Number(line.split(" ")[1]),
    headers: Object.fromEntries(pairs),
    body: rest.join("\r\n\r\n"),
  };
}
