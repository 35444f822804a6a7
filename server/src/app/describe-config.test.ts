import assert from "node:assert/strict";
import { test } from "node:test";
import { describeConfig } from "#app/describe-config.ts";
import { readConfig } from "#config/config.ts";

test("what is shown of a setting sets the same again", () => {
  for (const value of ["none", "kv,social"]) {
    const environment = { PARLEY_DIALECTS: value };
    const lines = describeConfig(readConfig(environment), environment).split("\n");
    assert.deepEqual(
      lines.filter((line) => line.includes("PARLEY_DIALECTS=")),
      [`PARLEY_DIALECTS=${value}`],
    );
  }
});
