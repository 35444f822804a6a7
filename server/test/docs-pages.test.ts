/** The documentation in a browser: what people see of the API and of the old ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { Page } from "playwright-core";
import { dialectNames } from "#gateway/dialects/versions.ts";
import { findChromium } from "#test/chromium.ts";
import { startParley } from "#test/parley.ts";
import { until } from "#test/until.ts";
import { startWebPages } from "#test/web-pages.ts";

const withoutChromium = findChromium() ? false : "no Chromium";

test("both pages show every operation of each API there is to choose from", {
  skip: withoutChromium,
}, async () => {
  const { url } = await startParley();
  const pages = await startWebPages(`${url}/docs`);
  const page = await pages.open();
  await shows(page, url, "/v2/openapi.json");
  for (const start of ["/docs", "/swagger/index.html"]) {
    await page.goto(url + start);
    for (const name of dialectNames) {
      await page.locator(".topbar select").selectOption({ label: name });
      await shows(page, url, `/docs/dialects/${name}.json`);
    }
  }
  await pages.takePicture(page, "old-apis");
  assert.deepEqual(pages.problems, []);
});

async function shows(page: Page, url: string, path: string): Promise<void> {
  const document = (await (await fetch(url + path)).json()) as {
    info: { title: string };
    paths: Record<string, object>;
  };
  await page.locator(".info .title", { hasText: document.info.title }).waitFor();
  const wanted = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== "parameters")
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.ok(wanted.length > 0);
  const shown = () =>
    page.locator(".opblock-summary").evaluateAll((blocks) =>
      blocks.map((block) => {
        const method = block.querySelector(".opblock-summary-method")?.textContent;
        return `${method} ${block.querySelector("[data-path]")?.getAttribute("data-path")}`;
      }),
    );
  // The title may be there before the operations, with those of the document before.
  wanted.sort();
  let found: string[] = [];
  const isShown = async () => {
    found = (await shown()).sort();
    return isDeepStrictEqual(found, wanted);
  };
  await until(() => `${path} is shown; shown are ${found.join(", ")}`, isShown);
}
