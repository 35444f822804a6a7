/** People before several pods: bare sockets that show every push, and the SDK for what they do. */
import assert from "node:assert/strict";
import type { EventJson } from "@parley/api/v2/event";
import type { TestParley } from "#test/parley.ts";
import { newPerson, type Person, password } from "#test/people.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

export interface PodPerson extends Person {
  /** Another device, at this pod; it has resumed. */
  at(pod: TestParley): Promise<SocketClient>;
}

export async function podPerson(pod: TestParley, name: string): Promise<PodPerson> {
  const person = await newPerson(pod.url, name);
  return {
    ...person,
    async at(other) {
      const socket = await SocketClient.open(other.wsUrl, await accessToken(other.url, person.email));
      await socket.resume();
      return socket;
    },
  };
}

async function accessToken(url: string, email: string): Promise<string> {
  const response = await fetch(`${url}/v2/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  assert.equal(response.status, 200);
  return ((await response.json()) as { accessToken: string }).accessToken;
}

export async function untilEvent(
  socket: SocketClient,
  what: string,
  isIt: (event: EventJson) => boolean,
): Promise<EventJson> {
  await until(what, () => socket.events.some(isIt));
  return socket.events.find(isIt)!;
}

/** The socket has been pushed all of the chat, each once and in order, on one connection. */
export async function assertWholeLog(socket: SocketClient, chatId: string, lastSeq: number): Promise<void> {
  await until(`the socket has all ${lastSeq} events`, () => {
    assert.equal(socket.closed, undefined, "the socket stays open");
    return socket.seqs(chatId).length >= lastSeq;
  });
  assert.deepEqual(
    socket.seqs(chatId),
    Array.from({ length: lastSeq }, (_, i) => i + 1),
  );
}
