/** Searching in the web client: while typing, for everything, and opening what was found where it stands. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ParleyClient } from "@parley/client";
import type { Browser, Page, Route } from "playwright-core";
import { findChromium, launchChromium } from "#test/chromium.ts";
import { startParley, type TestParley } from "#test/parley.ts";
import { newPerson, type Person, password } from "#test/people.ts";

const executable = findChromium();
const isBuilt = existsSync(fileURLToPath(new URL("../../web/dist/index.html", import.meta.url)));
const skip = executable && isBuilt ? false : "no Chromium, or the web client is not built";
const pictures = process.env.PARLEY_TEST_SCREENSHOTS;
const timeoutMs = 15_000;

if (!skip) {
  const parley = await startParley();
  const browser = await launchChromium(executable!);
  after(() => browser.close());
  if (pictures) await mkdir(pictures, { recursive: true });
  describe("search in the web client", () => testSearch(parley, browser));
}

type PageOptions = Parameters<Browser["newContext"]>[0];

function testSearch(parley: TestParley, browser: Browser): void {
  const problems: string[] = [];

  async function openPage({ email }: { email: string }, options: PageOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    context.setDefaultTimeout(timeoutMs);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) problems.push(message.text());
    });
    await page.goto(parley.url);
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "New chat" }).waitFor();
    return page;
  }

  const takePicture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
  };

  const box = (page: Page) => page.getByRole("combobox", { name: "Search messages" });
  const hits = (page: Page) => page.getByRole("listbox", { name: "Found messages" }).getByRole("option");
  const status = (page: Page, text: string | RegExp) => page.locator(".search-status").getByText(text);
  const row = (page: Page, text: string) =>
    page.getByRole("list", { name: "Messages" }).getByText(text, { exact: true });
  const chatRow = (page: Page, name: string) =>
    page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: new RegExp(`^${name}`) });
  const texts = (page: Page) => page.locator(".message .text").allTextContents();

  /** Ada, and Bob who has written "note 1", "note 2"… into one chat and one message into another. */
  async function twoPeople(count: number) {
    const ada = await newPerson(parley.url, "Ada");
    const bob = await newPerson(parley.url, "Bob", { maxSendsPerSecond: 300 });
    const memberIds = [ada.id];
    const notes = await bob.client.createChat({ kind: "group", title: "Notes", memberIds });
    const club = await bob.client.createChat({ kind: "group", title: "Reading circle", memberIds });
    await bob.client.connect();
    const sent = await Promise.all(upTo(count).map((n) => bob.client.sendMessage(notes.id, `note ${n}`)));
    const other = await bob.client.sendMessage(
      club.id,
      "The library is closed on Monday, so bring the notes about the novel to the café instead",
    );
    return { ada, bob, notesId: notes.id, clubId: club.id, sent, other };
  }

  describe("of what was written", () => testFinding());
  describe("with canned answers", () => testStates());

  function testFinding(): void {
    test("what somebody has just written is found, by its forms, its author and its chat, and opened", async () => {
      const { ada, bob, clubId } = await twoPeople(3);
      const page = await openPage(ada);
      await box(page).fill("librar");
      await status(page, "1 message found.").waitFor();
      assert.deepEqual(await page.locator(".hit mark").allTextContents(), ["library"]);
      await bob.client.sendMessage(clubId, "Two libraries would be better");
      await box(page).fill("library");
      await status(page, "2 messages found").waitFor();
      assert.deepEqual((await page.locator(".hit mark").allTextContents()).sort(), ["libraries", "library"]);
      await box(page).fill('from:Bob in:"reading circle" two');
      await status(page, "1 message found.").waitFor();
      await takePicture(page, "43-found-live");
      await box(page).press("Enter");
      await page.locator(".message.focused").getByText("Two libraries would be better").waitFor();
      await box(page).fill('from:Bob in:"reading circle"');
      await status(page, "2 messages found, the newest first.").waitFor();
      await box(page).fill("from:me");
      await status(page, "Nothing found.").waitFor();
      await box(page).fill("before:soon library");
      await status(page, "before: must be a day").waitFor();
      await page.context().close();
    });

    test("nobody finds what is deleted, or in a chat that is not theirs any more", async () => {
      const { ada, bob, notesId, clubId, other } = await twoPeople(2);
      const eve = await newPerson(parley.url, "Eve");
      const [page, evesPage] = await Promise.all([openPage(ada), openPage(eve)]);
      for (const one of [page, evesPage]) await box(one).fill("novel");
      await status(page, "1 message found.").waitFor();
      await status(evesPage, "Nothing found.").waitFor();
      await bob.client.deleteMessage(clubId, other.id);
      await hits(page).first().waitFor({ state: "detached" });
      await box(page).fill("novel ");
      await status(page, "Nothing found.").waitFor();
      await box(page).fill("note");
      await status(page, "2 messages found").waitFor();
      await bob.client.removeMember(notesId, ada.id);
      await hits(page).first().waitFor({ state: "detached" });
      await box(page).fill("note ");
      await status(page, "Nothing found.").waitFor();
      await Promise.all([page.context().close(), evesPage.context().close()]);
    });

    test("everything is found in the background, the newest first, and paged through", async () => {
      const { ada, bob, notesId } = await twoPeople(120);
      const page = await openPage(ada);
      await box(page).fill("note");
      await status(page, "The best 20 messages; there may be more.").waitFor();
      await page.getByRole("button", { name: "Search everything" }).click();
      await status(page, /^12\d messages found, the newest first/).waitFor();
      await takePicture(page, "44-everything-live");
      const more = page.locator(".go-further");
      await bob.client.sendMessage(notesId, "a note that came later");
      for (let pages = 1; (await more.count()) > 0 && pages < 10; pages++) {
        const before = await hits(page).count();
        await more.click();
        await until(page, async () => (await hits(page).count()) > before || (await more.count()) === 0);
      }
      const found = (await page.locator(".hit-text").allTextContents()).filter((text) =>
        /note \d/.test(text),
      );
      assert.deepEqual(
        found,
        upTo(120)
          .map((n) => `Bob: note ${n}`)
          .reverse(),
      );
      await hits(page).last().click();
      await page.locator(".message.focused").waitFor();
      await page.context().close();
    });

    test("the owner of a chat says which language it is in, or leaves that to be found out", async () => {
      const { bob, notesId } = await twoPeople(1);
      const page = await openPage(bob);
      await chatRow(page, "Notes").click();
      const settings = page.getByRole("button", { name: "Settings" });
      await settings.click();
      const choice = page.getByLabel("Language");
      assert.equal(await choice.inputValue(), "");
      await choice.selectOption({ label: "Russian" });
      await takePicture(page, "45-chat-settings");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal((await bob.client.getChat(notesId)).language, "ru");
      await bob.client.updateChat(notesId, { language: "de" });
      await settings.click();
      await until(page, async () => (await choice.inputValue()) === "de");
      await choice.selectOption("");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal((await bob.client.getChat(notesId)).language, "");
      await page.context().close();
    });
  }

  function testStates(): void {
    type Answer = { status?: number; body: object };

    async function answer(page: Page, answers: (url: URL, method: string) => Answer | undefined) {
      const asked: string[] = [];
      await page.route(/\/v2\/search/, async (route: Route) => {
        const url = new URL(route.request().url());
        const method = route.request().method();
        asked.push(`${method} ${url.pathname}${url.search}`);
        const { status: code = 200, body } = answers(url, method) ?? { body: {} };
        const contentType = code < 400 ? "application/json" : "application/problem+json";
        await route.fulfill({ status: code, contentType, body: JSON.stringify(body) }).catch(() => {});
      });
      return asked;
    }

    const hitOf = (message: object, parts: object[]) => ({ message, fragments: [{ parts }], score: 1 });

    test("searches after a pause for the last text only, says what it found, and is left by Escape", async () => {
      const { ada, other, sent } = await twoPeople(3);
      const page = await openPage(ada);
      const asked = await answer(page, (url) => ({
        body: url.searchParams.get("q")?.startsWith("note")
          ? {
              hits: [
                hitOf(sent[2]!, [{ text: "note", match: true }, { text: " 3" }]),
                hitOf(other, [
                  { text: "so bring the " },
                  { text: "notes", match: true },
                  { text: " about the novel" },
                ]),
              ],
            }
          : {},
      }));
      await page.keyboard.press("/");
      await page.getByRole("list", { name: "Narrow the search" }).waitFor();
      await takePicture(page, "30-search-hints");
      await page.keyboard.type("n");
      await status(page, "Type at least two letters.").waitFor();
      await page.keyboard.type("ote");
      await status(page, "2 messages found, the best first.").waitFor();
      assert.deepEqual(asked, ["GET /v2/search?q=note&limit=20"]);
      assert.deepEqual(await page.locator(".hit mark").allTextContents(), ["note", "notes"]);
      assert.match(
        String(await hits(page).nth(1).textContent()),
        /Reading circle[\s\S]*Bob: … so bring the notes/,
      );
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      assert.equal(await hits(page).nth(1).getAttribute("aria-selected"), "true");
      await takePicture(page, "31-search-found");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Reading circle" }).waitFor();
      await page.locator(".message.focused").waitFor();
      await takePicture(page, "32-search-opened");
      await page.locator(".message.focused").waitFor({ state: "detached" });

      await page.keyboard.press("Control+k");
      await page.keyboard.type("nothing like it");
      await status(page, "Nothing found.").waitFor();
      await takePicture(page, "33-search-nothing");
      await page.keyboard.press("Escape");
      await chatRow(page, "Notes").waitFor();
      assert.equal(await box(page).inputValue(), "");
      await page.context().close();
    });

    test("says what is wrong: a query that is refused, too many searches, a server that is away", async () => {
      const { ada, sent } = await twoPeople(1);
      const page = await openPage(ada);
      const violations = [{ field: "q", message: "before: must be a day, as 2026-11-21" }];
      let trouble: Answer | undefined;
      await answer(
        page,
        () => trouble ?? { body: { hits: [hitOf(sent[0]!, [{ text: "note 1", match: true }])] } },
      );
      trouble = { status: 400, body: { code: "invalid-input", violations } };
      await box(page).fill("before:soon");
      await status(page, "before: must be a day, as 2026-11-21").waitFor();
      assert.equal(await page.getByRole("alert").count(), 0);
      trouble = { status: 429, body: { code: "too-many-requests", retryAfterMs: 60_000 } };
      await box(page).fill("note");
      await page.getByRole("alert").getByText("a bit too fast").waitFor();
      await takePicture(page, "34-search-throttled");
      trouble = undefined;
      await page.getByRole("button", { name: "Try again" }).click();
      await status(page, "1 message found").waitFor();
      trouble = { status: 503, body: { code: "circuit-open", retryAfterMs: 60_000 } };
      await box(page).fill("note 1");
      await page.getByRole("alert").getByText("away for the moment").waitFor();
      assert.equal(await hits(page).count(), 0);
      trouble = { body: { partial: true } };
      await box(page).fill("note 2");
      await status(page, "Nothing found yet: time ran out").waitFor();
      await page.getByRole("button", { name: "Search everything" }).waitFor();
      await takePicture(page, "35-search-partial");
      await page.context().close();
    });

    test("a task for everything shows how it stands, and is given up when nobody waits for it", async () => {
      const { ada, sent } = await twoPeople(4);
      const page = await openPage(ada);
      let task: object = { status: "waiting" };
      let refusal: Answer | undefined;
      const found = (n: number) => hitOf(sent[n - 1]!, [{ text: "note", match: true }, { text: ` ${n}` }]);
      const asked = await answer(page, (url, method) => {
        if (url.pathname === "/v2/search") return { body: { hits: [found(1)] } };
        if (url.pathname.endsWith("/results")) {
          if (!url.searchParams.has("cursor"))
            return { body: { hits: [found(4), found(3)], nextCursor: "2" } };
          return refusal ?? { body: { hits: [found(2), found(1)] } };
        }
        if (refusal && method === "POST") return refusal;
        return { body: { task: { id: "task-1", query: "note", ...task } } };
      });
      await box(page).fill("note");
      await page.getByRole("button", { name: "Search everything" }).click();
      await status(page, "waiting for its turn").waitFor();
      task = { status: "running", resultCount: 1200 };
      await status(page, "Searching everything… 1,200 messages so far.").waitFor();
      await takePicture(page, "36-everything-running");
      await box(page).fill("notes");
      await status(page, "1 message found").waitFor();
      assert.ok(asked.includes("DELETE /v2/search-tasks/task-1"));

      refusal = { status: 429, body: { code: "too-many-search-tasks", retryAfterMs: 1 } };
      await page.getByRole("button", { name: "Search everything" }).click();
      await page.getByRole("alert").getByText("Too many of your searches").waitFor();
      await takePicture(page, "37-everything-refused");
      refusal = undefined;
      task = { status: "failed", errorCode: "unavailable" };
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByRole("alert").getByText("away for the moment").waitFor();
      task = { status: "done", resultCount: 4, partial: true };
      await page.getByRole("button", { name: "Try again" }).click();
      await status(page, "4 messages found, the newest first. There may be more").waitFor();
      assert.equal(await hits(page).count(), 2);
      refusal = { status: 404, body: { code: "search-task-not-found" } };
      await page.getByRole("button", { name: "Show more" }).click();
      await page.getByRole("alert").getByText("kept for some minutes only").waitFor();
      refusal = undefined;
      await page.getByRole("button", { name: "Try again" }).click();
      await status(page, "4 messages found").waitFor();
      await page.getByRole("button", { name: "Show more" }).click();
      await hits(page).nth(3).waitFor();
      assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
      await takePicture(page, "38-everything-done");
      await page.context().close();
    });

    test("a hit in old history is shown where it stands; news is not lost meanwhile, and nothing shown twice", async () => {
      const { ada, bob, notesId, sent } = await twoPeople(400);
      const page = await openPage(ada);
      await answer(page, () => ({ body: { hits: [hitOf(sent[99]!, [{ text: "note 100", match: true }])] } }));
      await box(page).fill("note 100");
      await hits(page).first().click();
      await page.locator(".message.focused").getByText("note 100", { exact: true }).waitFor();
      await row(page, "note 100").waitFor();
      assert.ok(await isInView(page, "note 100"), "it is scrolled to");
      await takePicture(page, "39-jumped");
      assert.equal(await row(page, "note 400").count(), 0);
      const { chats } = await ada.client.listChats();
      assert.equal(chats.find(({ id }) => id === notesId)?.unread, 400, "what was not seen is not read");

      await bob.client.sendMessage(notesId, "news");
      await page.getByRole("button", { name: "Latest (99+ new)" }).click();
      await row(page, "news").waitFor();
      assert.ok(await isInView(page, "news"));
      await until(page, async () => (await unread(ada, notesId)) === 0);

      // Once more, and this time down to the end by scrolling.
      await hits(page).first().click();
      await page.locator(".message.focused").waitFor();
      assert.ok(await isInView(page, "note 100"));
      await bob.client.editMessage(notesId, sent[119]!.id, "note 120, corrected");
      await row(page, "note 120, corrected").waitFor({ state: "attached" });
      // Not by the wheel, whose turns go to the page when they begin at the end of what is loaded.
      const toEnd = () =>
        page.locator(".messages").evaluate((list) => list.scrollTo({ top: list.scrollHeight }));
      await toEnd();
      await bob.client.sendMessage(notesId, "late news");
      await until(page, async () => {
        await toEnd();
        return (await row(page, "late news").count()) > 0;
      });
      await row(page, "late news").waitFor({ state: "attached" });
      const shown = await texts(page);
      const expected = [...upTo(400).map((n) => `note ${n}`), "news", "late news"];
      expected[119] = "note 120, corrected";
      const from = expected.indexOf(shown[0]!);
      assert.deepEqual(shown, expected.slice(from));
      await page.getByLabel("Message", { exact: true }).fill("an answer");
      await page.keyboard.press("Enter");
      await row(page, "an answer").waitFor();
      await page.context().close();
    });

    test("who writes while looking at old messages sees what was written", async () => {
      const { ada, notesId, sent } = await twoPeople(200);
      const page = await openPage(ada, { viewport: { width: 390, height: 780 }, colorScheme: "dark" });
      await answer(page, () => ({
        body: { hits: [hitOf(sent[9]!, [{ text: "note", match: true }, { text: " 10" }])] },
      }));
      await takePicture(page, "40-phone-dark");
      await box(page).fill("note");
      await hits(page).first().waitFor();
      await takePicture(page, "41-phone-dark-found");
      await hits(page).first().click();
      await page.locator(".message.focused").waitFor();
      await takePicture(page, "42-phone-dark-jumped");
      await page.getByLabel("Message", { exact: true }).fill("an answer");
      await page.keyboard.press("Enter");
      await row(page, "an answer").waitFor();
      assert.ok(await isInView(page, "an answer"));
      const { messages } = await ada.client.listMessages(notesId, { limit: 1 });
      assert.equal(messages[0]?.text, "an answer");
      await page.keyboard.press("Control+k");
      await hits(page).first().waitFor();
      assert.equal(await box(page).evaluate((node) => node === document.activeElement), true);
      await page.context().close();
    });
  }

  test("no page threw an error or broke the content security policy", () => {
    assert.deepEqual(problems, []);
  });

  async function isInView(page: Page, text: string): Promise<boolean> {
    const list = (await page.locator(".messages").boundingBox())!;
    const line = (await row(page, text).boundingBox())!;
    return line.y >= list.y && line.y + line.height <= list.y + list.height;
  }
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

async function unread({ client }: { client: ParleyClient } | Person, chatId: string): Promise<number> {
  return (await client.getChat(chatId)).unread;
}

async function until(page: Page, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < timeoutMs / 50; i++) {
    if (await holds()) return;
    await page.waitForTimeout(50);
  }
  assert.fail("it never came to hold");
}
