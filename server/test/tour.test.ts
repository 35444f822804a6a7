/** The README's tour, run as it stands there. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runBash } from "#test/bash.ts";
import { startParley } from "#test/parley.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("every command of the README's tour prints what the README says", async () => {
  const parley = await startParley();
  const steps = readSteps(await readFile(`${root}/README.md`, "utf8"));
  assert.ok(steps.filter((step) => step.expected).length >= 8);
  const script = steps.map((step, i) => `${step.command}\necho; echo "${mark(i)}"`).join("\n");
  const { output } = await runBash(script.replaceAll("http://localhost:8080", parley.url), {
    cwd: root,
    timeoutMs: 60_000,
  });
  let rest = output;
  for (const [i, { command, expected }] of steps.entries()) {
    const end = rest.indexOf(mark(i));
    assert.notEqual(end, -1, `the tour stopped at: ${command}\n${output}`);
    const printed = rest.slice(0, end);
    rest = rest.slice(end + mark(i).length);
    if (expected)
      assert.ok(printed.includes(expected), `${command}\nprinted:  ${printed}\nexpected: ${expected}`);
  }
});

const mark = (step: number) => `--- step ${step} done`;

/** Commands up to each "# → …" line; what follows the arrow must be in their output. */
function readSteps(readme: string): { command: string; expected?: string }[] {
  const tour = readme.split("<!-- tour -->")[1]?.split("<!-- /tour -->")[0] ?? "";
  const steps: { command: string; expected?: string }[] = [];
  for (const [, block = ""] of tour.matchAll(/```sh\n([\s\S]*?)```/g)) {
    let command = "";
    for (const line of block.trimEnd().split("\n")) {
      if (line.startsWith("# → ")) {
        steps.push({ command, expected: line.slice(4) });
        command = "";
      } else {
        command += `${line}\n`;
      }
    }
    if (command) steps.push({ command });
  }
  return steps;
}
