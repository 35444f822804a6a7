import { strict as assert } from "node:assert";
import { test } from "node:test";
import { identitySettings } from "#identity/config.ts";
import { readSettings, type SettingProblem } from "#platform/settings.ts";

function problemsOf(environment: Record<string, string>): SettingProblem[] {
  const problems: SettingProblem[] = [];
  readSettings(identitySettings, environment, problems);
  return problems;
}

test("the defaults are those of the documentation", () => {
  const problems: SettingProblem[] = [];
  const config = readSettings(identitySettings, {}, problems);
  assert.deepEqual(problems, []);
  assert.equal(config.PARLEY_ACCESS_TOKEN_SECONDS, 600);
  assert.equal(config.PARLEY_REFRESH_TOKEN_DAYS, 30);
  assert.equal(config.PARLEY_ARGON2_MEMORY_KIB, 19 * 1_024);
});

for (const name of ["PARLEY_ADMIN_EMAILS", "PARLEY_PAID_EMAILS"]) {
  test(`a misspelt address in ${name} is a problem, not a user who cannot be there`, () => {
    const [problem] = problemsOf({ [name]: "root@example.com, root.example.com" });
    assert.equal(problem?.name, name);
    assert.match(problem!.message, /root\.example\.com is none/);
    assert.deepEqual(problemsOf({ [name]: "root@example.com, žofie@example.cz" }), []);
  });
}
