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
