import assert from "node:assert/strict";
import { test } from "node:test";
import { checkExtension, contentTypeOf, extensionOf } from "#gateway/dialects/kv/extensions.ts";

test("an extension comes back as it was given, whatever its content type", () => {
  for (const extension of ["png", "PNG", "jpeg", "xyz7", "", "constructor"]) {
    const contentType = contentTypeOf(checkExtension(extension));
    assert.equal(extensionOf({ contentType, metadata: { extension } }), extension);
  }
  assert.deepEqual(["png", "PNG", "constructor", ""].map(contentTypeOf), [
    "image/png",
    "image/png",
    "application/octet-stream",
    "application/octet-stream",
  ]);
});

test("a blob that was put without one has that of its content type, or none", () => {
  const extension = (contentType: string, metadata = {}) => extensionOf({ contentType, metadata });
  assert.equal(extension("image/jpeg"), "jpg");
  assert.equal(extension("Text/Plain; charset=utf-8"), "txt");
  assert.equal(extension("application/octet-stream"), "");
  assert.equal(extension("image/png", { extension: "../../etc" }), "png");
});

test("what is no extension is refused", () => {
  for (const extension of ["../png", ".png", "p ng", "ж", "x".repeat(17)])
    assert.throws(() => checkExtension(extension), /extension: must be/);
});
