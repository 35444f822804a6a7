import assert from "node:assert/strict";
import { test } from "node:test";
import { integer, list, oneOf, readSettings, type SettingProblem, secret, url } from "#platform/settings.ts";

const table = {
  PORT: integer("a port", 8080, { min: 0, max: 65535 }),
  KEY: secret("a key"),
  LEVEL: oneOf("a level", ["low", "high"], "low"),
  HOSTS: list("hosts", []),
  SOURCE: url("a source", ["http:", "https:"]),
};

function read(environment: Record<string, string>) {
  const problems: SettingProblem[] = [];
  return { values: readSettings(table, environment, problems), problems };
}

test("gives defaults for what is absent or empty", () => {
  const { values, problems } = read({ PORT: "" });
  assert.deepEqual(values, { PORT: 8080, KEY: undefined, LEVEL: "low", HOSTS: [], SOURCE: undefined });
  assert.deepEqual(problems, []);
});

test("reads what is given", () => {
  const { values } = read({
    PORT: "0",
    KEY: "k",
    LEVEL: "high",
    HOSTS: "a, b,",
    SOURCE: "https://x.example",
  });
  assert.deepEqual(values, {
    PORT: 0,
    KEY: "k",
    LEVEL: "high",
    HOSTS: ["a", "b"],
    SOURCE: "https://x.example",
  });
});

for (const [name, value] of [
  ["PORT", "80abc"],
  ["PORT", "1e3"],
  ["PORT", "70000"],
  ["PORT", "-1"],
  ["LEVEL", "yes"],
  ["SOURCE", "ftp://x"],
  ["SOURCE", "nonsense"],
] as const) {
  test(`refuses ${name}=${value}`, () => {
    const { problems } = read({ [name]: value });
    assert.deepEqual(
      problems.map((problem) => problem.name),
      [name],
    );
    assert.match(problems[0]!.message, /^must be /);
  });
}

test("collects all problems at once", () => {
  assert.equal(read({ PORT: "x", LEVEL: "x" }).problems.length, 2);
});
