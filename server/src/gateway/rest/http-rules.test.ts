import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createFileRegistry, type DescService, setExtension } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { http } from "@parley/api/google/api/annotations";
import { type HttpRule, HttpRuleSchema } from "@parley/api/google/api/http";
import { restRoutes } from "#gateway/rest/http-rules.ts";
import { readRestRequest } from "#gateway/rest/rest-request.ts";

const { STRING, BOOL, UINT32, MESSAGE, ENUM } = FieldDescriptorProto_Type;

/** A service of one method per rule; its request has a field of each kind that a route can fill. */
function serviceWith(...rules: Partial<HttpRule>[]): DescService {
  const field = (name: string, number: number, type = STRING, typeName?: string, isList = false) => ({
    name,
    number,
    type,
    label: isList ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    ...(typeName ? { typeName } : {}),
    jsonName: name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    enumType: [
      {
        name: "Kind",
        value: [
          { name: "NONE", number: 0 },
          { name: "SOME", number: 1 },
        ],
      },
    ],
    messageType: [
      {
        name: "Request",
        field: [
          field("some_name", 1),
          field("flag", 2, BOOL),
          field("tags", 3, STRING, undefined, true),
          field("inner", 4, MESSAGE, ".test.Inner"),
          field("kind", 5, ENUM, ".test.Kind"),
        ],
      },
      { name: "Inner", field: [field("max_size", 1, UINT32), field("inner", 2, MESSAGE, ".test.Inner")] },
    ],
    service: [
      {
        name: "Service",
        method: rules.map((rule, index) => {
          const options = create(MethodOptionsSchema);
          setExtension(options, http, create(HttpRuleSchema, rule as never));
          return { name: `Method${index}`, inputType: ".test.Request", outputType: ".test.Inner", options };
        }),
      },
    ],
  });
  return createFileRegistry(file, () => undefined).getService("test.Service")!;
}

const get = (value: string): Partial<HttpRule> => ({ pattern: { case: "get", value } });
const post = (value: string, body = "*"): Partial<HttpRule> => ({ pattern: { case: "post", value }, body });
const routesOf = (...rules: Partial<HttpRule>[]) => restRoutes([serviceWith(...rules)]);

function read(rule: Partial<HttpRule>, input: Partial<Parameters<typeof readRestRequest>[1]>) {
  const { $typeName, ...message } = readRestRequest(routesOf(rule)[0]!, {
    pathValues: [],
    query: "",
    body: undefined,
    ...input,
  }) as unknown as Record<string, unknown>;
  return message;
}

test("additional bindings are routes of the same method", () => {
  const binding = create(HttpRuleSchema, get("/b/{some_name}") as never);
  const routes = routesOf({ ...get("/a/{some_name}"), additionalBindings: [binding] });
  assert.deepEqual(
    routes.map(({ template, method }) => [template, method.name]),
    [
      ["/a/{some_name}", "Method0"],
      ["/b/{some_name}", "Method0"],
    ],
  );
});

test("query parameters: repeated, nested, booleans, enums by name and number, either name", () => {
  const query = "someName=a+b%21&flag=true&tags=x&tags=y&inner.maxSize=5&inner.inner.max_size=6&kind=SOME";
  const message = read(get("/a"), { query });
  assert.equal(message.someName, "a b!");
  assert.equal(message.flag, true);
  assert.deepEqual(message.tags, ["x", "y"]);
  assert.equal(message.kind, 1);
  const inner = message.inner as { maxSize: number; inner: { maxSize: number } };
  assert.deepEqual([inner.maxSize, inner.inner.maxSize], [5, 6]);
  assert.equal(read(get("/a"), { query: "kind=1" }).kind, 1);
});

test("query parameters that fit no field are refused", () => {
  const bad = [
    "flag=yes",
    "inner=x",
    "inner.nothing=1",
    "inner.maxSize.x=1",
    "flag=true&flag=true",
    "kind=OTHER",
  ];
  for (const query of [...bad, "inner.maxSize=-1", "__proto__.x=1", "constructor=1", "flag="]) {
    assert.throws(() => read(get("/a"), { query }), /\[invalid_argument\]/, query);
  }
});

test("a path can fill a field of a field, which the body may repeat but not contradict", () => {
  const rule = post("/a/{inner.max_size}");
  const size = (body: unknown) =>
    (read(rule, { pathValues: ["7"], body: body as never }).inner as { maxSize: number }).maxSize;
  assert.equal(size({ someName: "x" }), 7);
  assert.equal(size({ inner: { maxSize: "7" } }), 7);
  assert.equal(size({ inner: { max_size: "7" } }), 7);
  assert.throws(() => size({ inner: { maxSize: 8 } }), /differs/);
  assert.throws(() => size({ inner: 5 }), /object/);
});

test("a body can be one field, beside query parameters for the others", () => {
  const rule = post("/a", "inner");
  const message = read(rule, { body: { maxSize: 3 }, query: "someName=x" });
  assert.equal(message.someName, "x");
  assert.equal((message.inner as { maxSize: number }).maxSize, 3);
  assert.throws(() => read(rule, { query: "inner.maxSize=4" }), /no such query parameter/);
});

test("rules that cannot be served stop the start", () => {
  assert.throws(() => routesOf(get("/a/{some_name}"), get("/a/{kind}")), /same route/);
  assert.throws(() => routesOf(get("/a/{name=x/*}")), /not supported/);
  assert.throws(() => routesOf(get("/a/{nothing}")), /no field/);
  assert.throws(() => routesOf(get("/a/{tags}")), /cannot be in a path/);
  assert.throws(() => routesOf(get("/a/{inner}")), /cannot be in a path/);
  assert.throws(() => routesOf(get("a")), /must start/);
  assert.throws(() => routesOf(post("/a", "nothing")), /no field/);
  assert.throws(
    () => routesOf({ pattern: { case: "custom", value: { kind: "HEAD", path: "/" } as never } }),
    /needs one of/,
  );
});
