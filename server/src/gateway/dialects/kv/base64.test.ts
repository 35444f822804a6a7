import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64 } from "#gateway/dialects/kv/base64.ts";

const decode = (text: string) => decodeBase64(text, "data").toString("latin1");

test("gives back any bytes, with padding or without, on one line or on several", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64");
      const wrapped = text.replace(/.{76}/g, "$&\r\n");
      for (const form of [text, text.replace(/=+$/, ""), wrapped])
        assert.deepEqual(new Uint8Array(decodeBase64(form, "data")), bytes);
    }),
  );
});

for (const text of [
  "!",
  "Q",
  "QQ=",
  "QQ===",
  "====",
  "QUJD=",
  "QQ==QQ==",
  "Q-_8",
  "QUJD,",
  "QR==",
  "QU\u00a0JD",
  "ж",
]) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => decode(text), /data: must be base64/);
  });
}
