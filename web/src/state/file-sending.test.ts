import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { type ParleyClient, ParleyError, type Progress, type SentFile } from "@parley/client";
import { type AppState, initialState } from "./app-state.ts";
import { createFileSending, type FileSending } from "./file-sending.ts";
import { createStore, type Store } from "./store.ts";

interface Upload {
  name: string;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  finish(): void;
  fail(error: Error): void;
}

let uploads: Upload[];
let sent: { chatId: string; text: string; options: { attachments: SentFile[]; replyTo: string } }[];
let deleted: string[];
let store: Store<AppState>;
let files: FileSending;
let changeState: (state: "online" | "signed-out") => void;

beforeEach(() => {
  uploads = [];
  sent = [];
  deleted = [];
  store = createStore(initialState);
  const parley = {
    on: (_name: string, listener: (state: string) => void) => {
      changeState = listener;
    },
    uploadFile: ({ name }: File, options: Pick<Upload, "signal" | "onProgress">) =>
      new Promise((resolve, reject) => {
        options.signal.addEventListener("abort", () => reject(options.signal.reason));
        const finish = () => resolve({ key: `key of ${name}`, name, isTemporary: true });
        uploads.push({ name, ...options, finish, fail: reject });
      }),
    sendMessage: async (chatId: string, text: string, options: never) => sent.push({ chatId, text, options }),
    blobs: { delete: async (key: string) => deleted.push(key) },
  };
  files = createFileSending(parley as unknown as ParleyClient, store);
});

const file = (name: string, size = 10, type = "") => new File(["x".repeat(size)], name, { type });
const outgoing = () => store.get().outgoing;
const all = () => outgoing().flatMap((one) => one.files);
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("files are uploaded while the message is written, and tell their progress", async () => {
  files.add("c", [file("a", 10, "image/png"), file("b", 20)]);
  uploads[0]!.onProgress({ sent: 7, size: 10 });
  uploads[1]!.finish();
  await settled();
  assert.deepEqual(
    all().map(({ name, size, sent: bytes, status }) => [name, size, bytes, status]),
    [
      ["a", 10, 7, "uploading"],
      ["b", 20, 20, "uploaded"],
    ],
  );
  assert.match(all()[0]!.previewUrl!, /^blob:/);
  assert.equal(all()[1]!.previewUrl, undefined);
  assert.equal(sent.length, 0);
});

test("a message goes when its files are there, with those that are left", async () => {
  files.add("c", [file("a"), file("b")]);
  files.add("c", [file("d")]);
  assert.equal(files.submit("other", "text"), false);
  assert.equal(files.submit("c", "text", "m1"), true);
  files.add("c", [file("next")]);
  uploads[0]!.finish();
  uploads[1]!.finish();
  await settled();
  assert.equal(sent.length, 0);
  files.remove(all().find(({ name }) => name === "d")!.id);
  await settled();
  assert.ok(uploads[2]!.signal.aborted);
  assert.deepEqual(
    sent.map(({ chatId, text, options }) => [
      chatId,
      text,
      options.replyTo,
      options.attachments.map(({ key }) => key),
    ]),
    [["c", "text", "m1", ["key of a", "key of b"]]],
  );
  assert.deepEqual(
    all().map(({ name }) => name),
    ["next"],
    "what was added later belongs to the next message",
  );
});

test("a failure is said in words, and the file can be sent again", async () => {
  files.add("c", [file("a")]);
  files.submit("c", "");
  uploads[0]!.fail(new ParleyError("quota-exceeded"));
  await settled();
  const [failed] = all();
  assert.equal(failed!.status, "failed");
  assert.match(failed!.problem!, /no room left/);
  assert.ok(failed!.canRetry);
  files.retry(failed!.id);
  assert.equal(all()[0]!.problem, undefined);
  uploads[1]!.finish();
  await settled();
  assert.equal(sent.length, 1);
  assert.deepEqual(outgoing(), []);
});

test("what is removed is not kept on the server, and a message of nothing is not sent", async () => {
  files.add("c", [file("a"), file("b")]);
  uploads[0]!.finish();
  await settled();
  for (const { id } of all()) files.remove(id);
  await settled();
  assert.deepEqual(deleted, ["key of a"]);
  files.add("c", [file("d")]);
  files.submit("c", "");
  files.remove(all()[0]!.id);
  await settled();
  assert.deepEqual([outgoing(), sent], [[], []]);
});

test("of a message whose only file was removed the text is sent", async () => {
  files.add("c", [file("a")]);
  files.submit("c", "only text");
  files.remove(all()[0]!.id);
  await settled();
  assert.deepEqual(
    sent.map(({ text, options }) => [text, options.attachments]),
    [["only text", []]],
  );
});

test("what the lost connection broke off goes on when it is back; what was refused does not", async () => {
  files.add("c", [file("lost"), file("refused"), file("removed")]);
  files.submit("c", "text");
  uploads[0]!.fail(new ParleyError("network"));
  uploads[1]!.fail(new ParleyError("quota-exceeded"));
  uploads[2]!.fail(new ParleyError("network"));
  await settled();
  files.remove(all()[2]!.id);
  changeState("online");
  changeState("online");
  assert.deepEqual(
    uploads.slice(3).map(({ name }) => name),
    ["lost"],
  );
  files.remove(all()[1]!.id);
  uploads[3]!.finish();
  await settled();
  assert.deepEqual(
    sent.map(({ options }) => options.attachments.map(({ key }) => key)),
    [["key of lost"]],
  );
});

test("what is too large stays too large: nobody is asked to try again", async () => {
  files.add("c", [file("a")]);
  uploads[0]!.fail(new ParleyError("too-large"));
  await settled();
  assert.deepEqual([all()[0]!.status, all()[0]!.canRetry], ["failed", false]);
});

test("no more than ten go with one message", () => {
  files.add(
    "c",
    Array.from({ length: 12 }, (_, i) => file(String(i))),
  );
  assert.equal(all().length, 10);
  assert.match(store.get().notice!, /At most 10/);
});

test("signing out ends the uploads", async () => {
  files.add("c", [file("a")]);
  changeState("signed-out");
  store.update(() => initialState);
  await settled();
  assert.ok(uploads[0]!.signal.aborted);
  assert.deepEqual(sent, []);
});
