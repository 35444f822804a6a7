/**
 * Prints the text of the next messages of all chats of a user, then ends.
 * Usage: npx node client/examples/listen.ts <server URL> <access token> <number of messages>
 */
const [url = "http://localhost:8080", token = "", count = "1"] = process.argv.slice(2);

// An access token is all this program has; one that signs in by password uses createParleyClient instead.
const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v2/ws`, {
  protocols: "parley.v2.json",
  headers: { authorization: `Bearer ${token}` },
} as never);

let left = Number(count);
socket.onopen = () => socket.send(JSON.stringify({ id: 1, call: "RealtimeService/Resume", params: {} }));
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(String(data));
  if (frame.id === 1) process.stdout.write("listening\n");
  for (const event of frame.events ?? []) {
    if (event.kind !== "message") continue;
    process.stdout.write(`${event.message.text}\n`);
    if (--left <= 0) socket.close();
  }
};
socket.onclose = () => process.exit(left > 0 ? 1 : 0);
