import assert from "node:assert/strict";
import { test } from "node:test";
import { blobSettings } from "#blobs/config.ts";
import { parseStoreUrl } from "#blobs/stores/store-url.ts";
import { readSettings, type SettingProblem } from "#platform/settings.ts";

test("reads what each kind of store is told by", () => {
  assert.deepEqual(parseStoreUrl("file:///var/lib/my%20blobs"), {
    kind: "file",
    folder: "/var/lib/my blobs",
  });
  assert.deepEqual(parseStoreUrl("s3://pictures"), {
    kind: "s3",
    bucket: "pictures",
    prefix: "",
    region: undefined,
    endpoint: undefined,
    pathStyle: false,
  });
  assert.deepEqual(
    parseStoreUrl("s3://pictures/a/b/?region=eu-central-1&endpoint=http://minio:9000/&pathStyle=true"),
    {
      kind: "s3",
      bucket: "pictures",
      prefix: "a/b/",
      region: "eu-central-1",
      endpoint: "http://minio:9000",
      pathStyle: true,
    },
  );
  assert.deepEqual(parseStoreUrl("azblob://pictures/a"), {
    kind: "azblob",
    container: "pictures",
    prefix: "a/",
    endpoint: undefined,
  });
});

for (const [text, message] of [
  ["", /must be file:/],
  ["/var/lib/blobs", /must be file:/],
  ["ftp://host/x", /must be file:/],
  ["constructor://x", /must be file:/],
  ["file://var/lib", /three slashes/],
  ["file:///", /folder of its own/],
  ["s3://key:secret@bucket", /no credentials/],
  ["azblob://account@container", /no credentials/],
  ["s3://bucket?endpoint=http://key:secret@minio:9000", /without credentials/],
  ["s3://bucket:9000", /port/],
  ["s3://bucket#x", /#/],
  ["s3://", /must (name a bucket|be file)/],
  ["s3://Ab", /name a bucket/],
  ["s3://bucket?regoin=eu", /unknown parameter: regoin/],
  ["s3://bucket?region=a&region=b", /more than once/],
  ["s3://bucket?region=eu%20west", /region like/],
  ["s3://bucket?pathStyle=yes", /pathStyle=true/],
  ["s3://bucket?endpoint=minio:9000", /https:/],
  ["s3://bucket/a//b", /prefix of letters/],
  ["s3://bucket/a%00b", /prefix of letters/],
  ["azblob://a_b", /name a container/],
  ["azblob://container?region=x", /unknown parameter/],
] as const) {
  test(`refuses ${text}`, () => {
    assert.throws(() => parseStoreUrl(text), message);
    if (text === "") return;
    const problems: SettingProblem[] = [];
    readSettings(blobSettings, { PARLEY_BLOB_STORE: text }, problems);
    assert.equal(problems[0]?.name, "PARLEY_BLOB_STORE");
    assert.match(problems[0].message, message);
  });
}
