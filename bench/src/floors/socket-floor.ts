/**
 * The floor of the realtime figures: a bare `ws` server that speaks just enough of /v2/ws for the same generator. Each
 * socket joins the room named in its token; a send is answered and goes to the room's sockets. It checks nothing and
 * keeps nothing.
 */
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

interface Call {
  id: number;
  call: string;
  params: { chatId: string; clientId: string; text: string };
}

interface Room {
  seq: number;
  sockets: Set<WebSocket>;
}

const rooms = new Map<string, Room>();

function roomOf(id: string): Room {
  const room = rooms.get(id) ?? { seq: 0, sockets: new Set() };
  rooms.set(id, room);
  return room;
}

const server = createServer((_request, response) => response.end("ready"));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on("connection", (socket, request) => {
  const chatId = request.headers.authorization?.slice("Bearer ".length) ?? "";
  const room = roomOf(chatId);
  room.sockets.add(socket);
  socket.on("close", () => room.sockets.delete(socket));
  socket.on("error", () => socket.terminate());
  socket.on("message", (data) => {
    const call = JSON.parse(String(data)) as Call;
    if (call.call === "RealtimeService/Resume") {
      socket.send(
        JSON.stringify({ id: call.id, result: { chats: [{ chatId, seq: room.seq, recovered: true }] } }),
      );
      return;
    }
    const message = messageOf(call, ++room.seq);
    socket.send(JSON.stringify({ id: call.id, result: { message } }));
    const event = { chatId, seq: message.seq, kind: "message", at: message.createdAt, actorId, message };
    const frame = Buffer.from(JSON.stringify({ events: [event] }));
    for (const receiver of room.sockets) receiver.send(frame, { binary: false });
  });
});

const actorId = "0199c7b4-8f00-7000-8000-000000000001";

/** As many bytes as a message of Parley's. */
function messageOf({ params }: Call, seq: number) {
  return {
    id: "0199c7b4-8f00-7000-8000-000000000002",
    chatId: params.chatId,
    seq,
    no: seq,
    senderId: actorId,
    clientId: params.clientId,
    text: params.text,
    createdAt: new Date().toISOString(),
  };
}

server.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGINT", () => {});
process.on("SIGTERM", () => process.exit());
