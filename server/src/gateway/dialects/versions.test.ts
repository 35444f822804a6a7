/** What is promised of old APIs, compared with what docs/api-versions.md and their transcripts say. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { deprecationHeaders, dialectNames, lifetimes } from "#gateway/dialects/versions.ts";
import { routesOf } from "#test/dialects.ts";
import { parseTranscript } from "#test/transcripts/parse-transcript.ts";

const root = new URL("../../../../", import.meta.url);
const page = readFileSync(new URL("docs/api-versions.md", root), "utf8");
const transcripts = new URL("server/test/transcripts/", root);
const monthsAfterSuccessor = 24;

/** Of the page's table: name, deprecated since, served until, page. */
const rows = new Map(
  [...page.matchAll(/^\| `([\w-]+)` \| (\S+) \| (\S+) \| .*\]\((\S+)\) \|$/gm)].map(
    ([, name, since, until, link]) => [name!, { since, until, link: link! }],
  ),
);

const day = (date: Date) => date.toISOString().slice(0, 10);

test("the page states each old API's lifetime as its headers do, and has a page of its own for it", () => {
  assert.deepEqual([...rows.keys()], [...dialectNames]);
  for (const name of dialectNames) {
    const { deprecatedAt, sunsetAt } = lifetimes[name];
    const { since, until, link } = rows.get(name)!;
    assert.deepEqual([since, until], [day(deprecatedAt), day(sunsetAt)], name);
    const { deprecation, sunset } = deprecationHeaders(name, "/v2/chats");
    assert.ok(page.includes(`Deprecation: ${deprecation}\nSunset: ${sunset}`), `${deprecation} ${sunset}`);
    assert.match(readFileSync(new URL(link, new URL("docs/", root)), "utf8"), new RegExp(`^# .*${name}`));
  }
});

test("an old API is served for 24 months after its successor came", () => {
  for (const name of dialectNames) {
    const { deprecatedAt, sunsetAt } = lifetimes[name];
    const least = new Date(deprecatedAt);
    least.setUTCMonth(least.getUTCMonth() + monthsAfterSuccessor);
    assert.ok(sunsetAt >= least, `${name} is gone before ${day(least)}`);
  }
});

for (const name of dialectNames) {
  test(`${name}: its transcript uses every route`, () => {
    const used = usedRoutes(name);
    for (const route of routesOf(name)) {
      const [method, template = ""] = route.split(" ");
      const pattern = new RegExp(
        `^${method} ${template.replaceAll(/\{\w+\}/g, "[^/?]+").replace(/\/$/, "/?")}$`,
      );
      assert.ok(
        used.some((one) => pattern.test(one)),
        `${route} is in no line of ${name}.transcript`,
      );
    }
  });
}

/** As "GET /v1/chats/$CHAT". */
function usedRoutes(name: string): string[] {
  const file = `${name}.transcript`;
  assert.ok(readdirSync(transcripts).includes(file), `${file} is missing`);
  const { steps } = parseTranscript(file, readFileSync(new URL(file, transcripts), "utf8"));
  return steps.flatMap((step) => {
    if (step.kind === "open") return [`GET ${step.url.replace(/^ws:\/\/\$\w+/, "").replace(/\?.*/, "")}`];
    if (step.kind !== "command") return [];
    const method = /-X ?([A-Z]+)/.exec(step.command)?.[1] ?? "GET";
    return [...step.command.matchAll(/\$\{?HOST\}?(\/[^\s"'?]*)/g)].map(([, path]) => `${method} ${path}`);
  });
}
