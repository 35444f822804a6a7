/** The web client in a Chromium: its pages, what goes wrong in them, and pictures of them for people to look at. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { findChromium, launchChromium } from "#test/chromium.ts";
import { password } from "#test/people.ts";

type PageOptions = Parameters<Browser["newContext"]>[0];

export interface WebPages {
  /** Of somebody who is not signed in. */
  open(options?: PageOptions): Promise<Page>;
  signIn(person: { email: string }, options?: PageOptions): Promise<Page>;
  /** Where PARLEY_TEST_SCREENSHOTS says, if it does. */
  takePicture(page: Page, name: string): Promise<void>;
  /** Errors that pages threw, and what broke the content security policy. */
  readonly problems: readonly string[];
}

const executable = findChromium();
const isBuilt = existsSync(fileURLToPath(new URL("../../web/dist/index.html", import.meta.url)));
const notBuilt = "the web client is not built: run the tests by `npm test`";

/** Why the tests of the web client cannot run; false: they can. */
export const withoutWeb: string | false = executable
  ? !isBuilt && notBuilt
  : "no Chromium: install one, or name it in PARLEY_TEST_CHROMIUM";

const pictures = process.env.PARLEY_TEST_SCREENSHOTS;
/** How long a page may take for anything. */
export const pageTimeoutMs = 15_000;

/** To be called at the top level of a test file, or of a suite: the browser is closed at its end. */
export async function startWebPages(url: string): Promise<WebPages> {
  const browser = await launchChromium(executable!);
  after(() => browser.close());
  if (pictures) await mkdir(pictures, { recursive: true });
  const problems: string[] = [];

  async function open(options: PageOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    context.setDefaultTimeout(pageTimeoutMs);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) problems.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  return {
    open,
    async signIn({ email }, options) {
      const page = await open(options);
      await page.getByLabel("E-mail").fill(email);
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "New chat" }).waitFor();
      return page;
    },
    async takePicture(page, name) {
      if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
    },
    problems,
  };
}
