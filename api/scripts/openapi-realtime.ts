/** The WebSocket in words: OpenAPI has no other place for it. */
import type { DescService } from "@bufbuild/protobuf";
import { commentOf } from "./comments.ts";
import type { SchemaCollection } from "./openapi-schemas.ts";

const protocol = [
  "## Realtime: the WebSocket `/v2/ws`",
  "Subprotocol `parley.v2.json`. Authenticate with an `Authorization` header, the session cookie, or a ticket: `/v2/ws?ticket=…` from `POST /v2/ws-tickets`, good for one connection.",
  'A call is one frame: `{"id": 7, "call": "MessengerService/SendMessage", "params": {…}}`, with the same params as the request message. Its answer is `{"id": 7, "result": {…}}` or `{"id": 7, "error": {"code": …, "message": …}}`, with the codes of the error registry. A `traceparent` beside `id` says to which trace the call belongs.',
  'Events are pushed as `{"events": [{"chatId": …, "seq": …, "kind": "message", …}]}`, many in a frame, in the order of their `seq`. `{"positions": {…}}` says now and then up to which `seq` each active chat was pushed, so that the client notices silent loss.',
  "These calls exist only here:",
].join("\n\n");

export function realtimeText(service: DescService, collection: SchemaCollection): string {
  const calls = service.methods.map((method) => {
    collection.reference(method.input, "request");
    collection.reference(method.output, "response");
    return `- **${service.name}/${method.name}** (\`${method.input.name}\` → \`${method.output.name}\`): ${commentOf(method)}`;
  });
  for (const message of service.file.messages) {
    if (message.name === "PushFrame") collection.reference(message, "response");
  }
  return `${protocol}\n\n${calls.join("\n")}`;
}
