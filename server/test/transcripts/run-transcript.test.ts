import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { WebSocketServer } from "ws";
import { parseTranscript } from "#test/transcripts/parse-transcript.ts";
import { runTranscript } from "#test/transcripts/run-transcript.ts";

const id = "0199a4f0-0000-7000-8000-000000000001";
let polls = 0;

const answers: Record<string, () => { status: number; body: unknown }> = {
  "/thing": () => ({
    status: 200,
    body: { id, made: "2026-01-02T03:04:05.678Z", size: 7, tags: ["a", "b"] },
  }),
  "/nested": () => ({ status: 200, body: { payload: JSON.stringify({ text: "hello", id }) } }),
  "/broken": () => ({ status: 500, body: {} }),
  "/slow": () => ({ status: 200, body: { done: ++polls > 2 } }),
  [`/thing/${id}`]: () => ({ status: 200, body: { found: true } }),
};

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  const { status, body } = answers[request.url ?? ""]?.() ?? {
    status: 404,
    body: { message: "no such thing" },
  };
  response.writeHead(status, {
    "content-type": "application/json",
    "X-Page": "7",
    "set-cookie": ["a=1", "b=2"],
  });
  response.end(JSON.stringify(body));
});
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  if (request.url !== "/ws") return socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  sockets.handleUpgrade(request, socket, head, (ws) =>
    ws.on("message", (data) => {
      if (data.toString() === "bye") return ws.close(1008);
      ws.send('{"kind":"other"}');
      ws.send(JSON.stringify({ kind: "echo", payload: data.toString() }));
    }),
  );
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => {
  sockets.close();
  for (const ws of sockets.clients) ws.terminate();
  server.close();
  server.closeAllConnections();
});
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const play = (text: string, patienceMs = 10_000) =>
  runTranscript(parseTranscript("a.transcript", text), url, patienceMs);

test("plays what a client sends, and is content with what the transcript says it is answered", async () => {
  polls = 0;
  await play(`# a comment

$ curl -i $HOST/thing
200 {"id": "<THING:uuid>", "made": "<time>", "size": "<SIZE:number>", "tags": ["a", "..."]}
> x-page: <number>
> set-cookie: b=<text>
$ curl $HOST/thing/$THING
200 {"found": true}
$ curl "http://$HOST_PORT/nothing"
404 {"message": "no such <KIND:text>"}
$ test "$KIND" = thing && test "$SIZE" = 7 && curl -s $HOST/nested
200 {"payload": "json:{\\"text\\": \\"<text>\\", \\"id\\": \\"$THING\\"}"}
? $ curl $HOST/slow
200 {"done": true}
@ BOB ws://$HOST_PORT/ws
@ BOB > {"id": "$THING"}
@ BOB < {"kind": "echo", "payload": "json:{\\"id\\": \\"<uuid>\\"}"}
@ BOB < {"kind": "other"}
@ BOB > bye
@ BOB closed 1008
@ EVE ws://$HOST_PORT/elsewhere
401
`);
  assert.ok(polls > 2);
});

/** Each must fail, and say why. */
const failing: Record<string, [transcript: string, says: RegExp, patienceMs?: number]> = {
  "another status": [
    "$ curl $HOST/thing\n201",
    /^a\.transcript:1\n\$ curl .*\nexpected: 201[\s\S]*got: +200 \{"id"[\s\S]*why: the status should be 201/,
  ],
  "another value": [
    '$ curl $HOST/nothing\n404 {"message": "else"}',
    /message should be "else", and is "no such thing"/,
  ],
  "a key more": ["$ curl $HOST/nothing\n404 {}", /the keys of the body should be \[\], and is \["message"\]/],
  "a key less": ['$ curl $HOST/nothing\n404 {"message": "<text>", "code": 404}', /keys of the body/],
  "another type": ['$ curl $HOST/thing/$HOST\n404 {"message": "<number>"}', /message should be "<number>"/],
  "no uuid": ['$ curl $HOST/nothing\n404 {"message": "<uuid>"}', /message should be "<uuid>"/],
  "an element more": [
    '$ curl $HOST/thing\n200 {"id": "<uuid>", "made": "<time>", "size": 7, "tags": ["a"]}',
    /number of elements of tags should be 1, and is 2/,
  ],
  "an element less": [
    '$ curl $HOST/thing\n200 {"id": "<uuid>", "made": "<time>", "size": 7, "tags": ["a", "b", "c", "..."]}',
    /number of elements of tags should be 3, and is 2/,
  ],
  "other JSON in a string": [
    '$ curl $HOST/nested\n200 {"payload": "json:{\\"text\\": \\"bye\\", \\"id\\": \\"<uuid>\\"}"}',
    /payload→\.text should be "bye"/,
  ],
  "another header": [
    "$ curl $HOST/thing\n200\n> x-page: 8",
    /> x-page: 7[\s\S]*header x-page: the text should be "8"/,
  ],
  "no such header": ["$ curl $HOST/thing\n200\n> x-no: <text>", /header x-no: is not there/],
  "a 500 on the way": ["$ curl $HOST/broken; curl $HOST/nothing\n404", /500, which nothing may be answered/],
  "a command that fails": ["$ curl $HOST/thing && false\n200", /the command ended with 1/],
  "nobody there": ["$ curl http://127.0.0.1:1\n200", /Failed to connect/],
  "in vain again and again": ["? $ curl $HOST/nothing\n200", /not within 50 ms: a\.transcript:1/],
  "a frame that does not come": [
    '@ A ws://$HOST_PORT/ws\n@ A > 1\n@ A < {"kind": "x"}',
    /:3\n[\s\S]*there came:\n {2}\{"kind":"other"\}/,
    // Others do come, in their time.
    3_000,
  ],
  "a socket that stays open": ["@ A ws://$HOST_PORT/ws\n@ A closed 1008", /closing with 1008; it is open/],
  "a socket that is let in": ["@ A ws://$HOST_PORT/ws\n401", /should answer 401, and answers 101/],
  "a socket that is refused": ["@ A ws://$HOST_PORT/no", /should answer 101, and answers 401/],
  "a socket without a name": ["@ A > x", /no socket is called A/],
};

for (const [what, [transcript, says, patienceMs = 50]] of Object.entries(failing)) {
  test(`fails at ${what}`, async () => {
    await assert.rejects(play(transcript, patienceMs), (error: Error) => {
      assert.match(error.message, says);
      return true;
    });
  });
}

test("a line that says nothing is refused with its place", () => {
  for (const text of [
    "curl $HOST",
    "200",
    "> a: b",
    "$ curl a\n200\n200",
    "$ curl a\n! A=b",
    "@ A http://x",
  ]) {
    assert.throws(
      () => parseTranscript("a.transcript", text),
      /^Error: a\.transcript:\d: this line says nothing here/,
    );
  }
  assert.deepEqual(parseTranscript("a", "! PARLEY_KV_PUBLIC=true\n$ true").settings, {
    PARLEY_KV_PUBLIC: "true",
  });
});
