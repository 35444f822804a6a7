import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, readConfig } from "#config/config.ts";

test("a circuit's longest open time cannot be shorter than its first", () => {
  const environment = { PARLEY_CIRCUIT_OPEN_MS: "5000", PARLEY_CIRCUIT_OPEN_MAX_MS: "4999" };
  assert.throws(
    () => readConfig(environment),
    (error) => error instanceof ConfigError && error.problems[0]?.name === "PARLEY_CIRCUIT_OPEN_MAX_MS",
  );
  readConfig({ ...environment, PARLEY_CIRCUIT_OPEN_MAX_MS: "5000" });
});

const apart = {
  DATABASE_URL: "postgres://parley@db.example/parley",
  REDIS_URL: "redis://redis.example",
  PARLEY_SERVICE_TOKEN: Buffer.alloc(32, 3).toString("base64"),
  PARLEY_SECRET_KEY: Buffer.alloc(32, 4).toString("base64"),
};

function namesOfProblems(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map((problem) => problem.name);
  }
}

test("each role asks for what it needs, and for no more", () => {
  const { DATABASE_URL, PARLEY_SECRET_KEY, ...rest } = apart;
  const toOthers = { PARLEY_DISPATCH_URL: "http://dispatch:9091", PARLEY_BLOBS_URL: "http://blobs:9091" };
  const urls = {
    PARLEY_IDENTITY_URL: "http://identity:9091",
    PARLEY_MESSENGER_URL: "http://a:1,http://b:2",
    PARLEY_SEARCH_URL: "http://search:9091",
    ...toOthers,
  };
  for (const fine of [
    { ...rest, ...urls, PARLEY_ROLES: "gateway" },
    { ...rest, DATABASE_URL, ...toOthers, PARLEY_ROLES: "messenger" },
    { ...rest, DATABASE_URL, PARLEY_ROLES: "dispatch" },
    { ...rest, DATABASE_URL, PARLEY_ROLES: "messenger,dispatch,blobs" },
    { ...rest, DATABASE_URL, PARLEY_ROLES: "blobs" },
    { ...apart, ...toOthers, PARLEY_ROLES: "identity, messenger" },
    { ...apart, ...urls, PARLEY_ROLES: "gateway,identity" },
    { ...apart, PARLEY_ROLES: "gateway,identity,messenger,dispatch,search,blobs" },
    { ...rest, DATABASE_URL, ...urls, PARLEY_ROLES: "search" },
  ]) {
    assert.deepEqual(namesOfProblems(fine), [], JSON.stringify(fine));
  }
  const needs: [Record<string, string>, string[]][] = [
    [
      { PARLEY_ROLES: "gateway" },
      [
        "REDIS_URL",
        "PARLEY_SERVICE_TOKEN",
        "PARLEY_IDENTITY_URL",
        "PARLEY_MESSENGER_URL",
        "PARLEY_DISPATCH_URL",
        "PARLEY_SEARCH_URL",
        "PARLEY_BLOBS_URL",
      ],
    ],
    [
      { PARLEY_ROLES: "messenger" },
      ["REDIS_URL", "DATABASE_URL", "PARLEY_SERVICE_TOKEN", "PARLEY_DISPATCH_URL", "PARLEY_BLOBS_URL"],
    ],
    [{ PARLEY_ROLES: "dispatch" }, ["REDIS_URL", "DATABASE_URL", "PARLEY_SERVICE_TOKEN"]],
    [
      { ...apart, PARLEY_ROLES: "gateway,identity,messenger" },
      ["PARLEY_DISPATCH_URL", "PARLEY_SEARCH_URL", "PARLEY_BLOBS_URL"],
    ],
    [{ ...rest, DATABASE_URL, PARLEY_ROLES: "search" }, ["PARLEY_IDENTITY_URL", "PARLEY_MESSENGER_URL"]],
    [{ ...rest, DATABASE_URL, PARLEY_ROLES: "identity" }, ["PARLEY_SECRET_KEY"]],
  ];
  for (const [environment, missing] of needs) assert.deepEqual(namesOfProblems(environment), missing);
});

test("roles, service tokens and service URLs that make no sense are named", () => {
  for (const [name, value] of [
    ["PARLEY_ROLES", "gateway,messanger"],
    ["PARLEY_SERVICE_TOKEN", "short"],
    ["PARLEY_TRUSTED_PROXIES", "10.0.0.0/8,foo"],
    ["PARLEY_MESSENGER_URL", "messenger:9091"],
    ["PARLEY_MESSENGER_URL", "http://user:password@messenger:9091"],
  ] as const) {
    assert.deepEqual(namesOfProblems({ [name]: value }), [name], value);
  }
});

test("a search has less time than the call that asks for it", () => {
  const times = (search: string, call: string) => ({
    PARLEY_SEARCH_TIMEOUT_MS: search,
    PARLEY_CALL_TIMEOUT_MS: call,
  });
  assert.deepEqual(namesOfProblems(times("2000", "3000")), []);
  assert.deepEqual(namesOfProblems(times("2001", "3000")), ["PARLEY_SEARCH_TIMEOUT_MS"]);
});

test("write-back is for stores that are slower than a disk, and says where its pods are found", () => {
  const s3 = { PARLEY_BLOB_STORE: "s3://bucket?region=eu-central-1", PARLEY_BLOB_WRITE_BACK: "fast/" };
  assert.deepEqual(namesOfProblems(s3), []);
  assert.deepEqual(namesOfProblems({ PARLEY_BLOB_WRITE_BACK: "*" }), ["PARLEY_BLOB_WRITE_BACK"]);
  const files = { PARLEY_BLOB_STORE: "file:///srv/blobs", PARLEY_BLOB_WRITE_BACK: "*" };
  assert.deepEqual(namesOfProblems(files), ["PARLEY_BLOB_WRITE_BACK"]);
  const { PARLEY_SERVICE_TOKEN, ...blobs } = { ...apart, ...s3, PARLEY_ROLES: "blobs" };
  const url = { PARLEY_BLOB_SPOOL_URL: "http://blobs-1:9091" };
  assert.deepEqual(namesOfProblems({ ...blobs, PARLEY_SERVICE_TOKEN }), ["PARLEY_BLOB_SPOOL_URL"]);
  assert.deepEqual(namesOfProblems({ ...blobs, PARLEY_SERVICE_TOKEN, ...url }), []);
  assert.deepEqual(namesOfProblems({ ...s3, ...url }), ["PARLEY_SERVICE_TOKEN"]);
});
