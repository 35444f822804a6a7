/** People before several pods: bare sockets that show every push, and the SDK for what they do. */
import assert from "node:assert/strict";
import type { EventJson } from "@parley/api/v2/event";
import type { TestParley } from "#test/parley.ts";
import { newPerson, type Person, signIn } from "#test/people.ts";
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
      const { token } = await signIn(other.url, person.email);
      const socket = await SocketClient.open(other.wsUrl, token);
      await socket.resume();
      return socket;
    },
  };
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
