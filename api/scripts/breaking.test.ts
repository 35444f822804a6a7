import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findBreaks } from "./breaking.ts";

const contract = fileURLToPath(new URL("..", import.meta.url));

/** A contract with one text of it, which it must have once, replaced. */
async function changed(file: string, from: string, to: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-contract-"));
  after(() => rm(folder, { recursive: true }));
  for (const part of ["buf.yaml", "proto", "third_party", "released"])
    await cp(join(contract, part), join(folder, part), { recursive: true });
  const path = join(folder, "proto/parley", file);
  const text = await readFile(path, "utf8");
  assert.equal(text.split(from).length, 2, `${file} has "${from}" once`);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
  return folder;
}

test("the contract breaks nothing that was released", () => {
  assert.deepEqual(findBreaks(contract), []);
});

const message = "v2/event.proto";
const breaking: Record<string, [file: string, from: string, to: string, says: RegExp]> = {
  "a field that is removed": [
    message,
    "  string client_id = 6;\n",
    "",
    /"6" .*"client_id" .*"Message" was deleted/,
  ],
  "a field that is renamed": [
    message,
    "string client_id = 6;",
    "string key = 6;",
    /changed name from "client_id" to "key"/,
  ],
  "a field with another number": [
    message,
    "string client_id = 6;",
    "string client_id = 66;",
    /"6" .*was deleted/,
  ],
  "a field of another type": [
    message,
    "string client_id = 6;",
    "int64 client_id = 6;",
    /changed type from "string" to "int64"/,
  ],
  "a field with another name in JSON": [
    message,
    "string client_id = 6;",
    'string client_id = 6 [json_name = "key"];',
    /json_name/,
  ],
  "a field that is repeated": [
    message,
    "string client_id = 6;",
    "repeated string client_id = 6;",
    /cardinality/,
  ],
  "a method that is removed": [
    "v2/messenger.proto",
    "rpc MarkRead(",
    "rpc MarkAsRead(",
    /"MarkRead" .*was deleted/,
  ],
  "another path": [
    "v2/messenger.proto",
    'get: "/v2/chats/{chat_id}"}',
    'get: "/v2/chat/{chat_id}"}',
    /MessengerService\/GetChat is no longer served as GET \/v2\/chats\/\{chat_id\}/,
  ],
  "another body": [
    "v2/messenger.proto",
    'post: "/v2/chats"\n      body: "*"',
    'post: "/v2/chats"\n      body: "title"',
    /CreateChat is no longer served as POST \/v2\/chats \(body: \*/,
  ],
  "a method that is public no longer": [
    "v2/auth.proto",
    'ACCESS_PUBLIC;\n    option (google.api.http) = {get: "/.well-known',
    'ACCESS_ADMIN;\n    option (google.api.http) = {get: "/.well-known',
    /GetJwks had access PUBLIC, and has ADMIN/,
  ],
};

for (const [what, [file, from, to, says]] of Object.entries(breaking)) {
  test(`finds ${what}`, async () => {
    const breaks = findBreaks(await changed(file, from, to));
    assert.ok(
      breaks.some((line) => says.test(line)),
      `no line says ${says}: ${breaks.join("\n") || "none at all"}`,
    );
  });
}

test("what is added breaks nothing, nor does what is not promised", async () => {
  const more = "string client_id = 6;\n  string colour = 999;";
  assert.deepEqual(findBreaks(await changed(message, "string client_id = 6;", more)), []);
  const route = 'get: "/v2/chats/{chat_id}"\n      additional_bindings: {get: "/v2/rooms/{chat_id}"}\n    }';
  assert.deepEqual(findBreaks(await changed("v2/messenger.proto", 'get: "/v2/chats/{chat_id}"}', route)), []);
  const internal = await changed("internal/v1/bus.proto", "event_traces = ", "traces_of_events = ");
  assert.deepEqual(findBreaks(internal), []);
});

test("a contract that cannot be read is no unbroken one", async () => {
  const folder = await changed(message, "message Message {", "message {");
  assert.throws(() => findBreaks(folder), /buf/);
});
