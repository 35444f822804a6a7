/** Searching in the web client: how it stands, what goes wrong, and showing a hit where it stands; some answers are canned. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ParleyClient } from "@parley/client";
import type { Page, Route } from "playwright-core";
import { startParley, type TestParley } from "#test/parley.ts";
import { startWebPages, type WebPages, withoutWeb } from "#test/web-pages.ts";
import {
  box,
  chatRow,
  hits,
  isInView,
  row,
  status,
  texts,
  twoPeople,
  untilIn,
  upTo,
} from "#test/web-search-page.ts";

if (!withoutWeb) {
  const parley = await startParley();
  const pages = await startWebPages(parley.url);
  describe("the states of search in the web client", () => testStates(parley, pages));
}

function testStates(parley: TestParley, pages: WebPages): void {
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
    const { ada, other, sent } = await twoPeople(parley.url, 3);
    const page = await pages.signIn(ada);
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
    await pages.takePicture(page, "30-search-hints");
    await page.keyboard.type("n");
    await status(page, "Type at least two letters.").waitFor();
    // Letter by letter, and never with the pause between them, whatever holds up the browser.
    await box(page).evaluate((input: HTMLInputElement) => {
      for (const text of ["no", "not", "note"]) {
        input.setRangeText(text, 0, input.value.length, "end");
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
    });
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
    await pages.takePicture(page, "31-search-found");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Reading circle" }).waitFor();
    await page.locator(".message.focused").waitFor();
    await pages.takePicture(page, "32-search-opened");
    await page.locator(".message.focused").waitFor({ state: "detached" });

    await page.keyboard.press("Control+k");
    await page.keyboard.type("nothing like it");
    await status(page, "Nothing found.").waitFor();
    await pages.takePicture(page, "33-search-nothing");
    await page.keyboard.press("Escape");
    await chatRow(page, "Notes").waitFor();
    assert.equal(await box(page).inputValue(), "");
    await page.context().close();
  });

  test("says what is wrong: a query that is refused, too many searches, a server that is away", async () => {
    const { ada, sent } = await twoPeople(parley.url, 1);
    const page = await pages.signIn(ada);
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
    await pages.takePicture(page, "34-search-throttled");
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
    await pages.takePicture(page, "35-search-partial");
    await page.context().close();
  });

  test("a task for everything shows how it stands, and is given up when nobody waits for it", async () => {
    const { ada, sent } = await twoPeople(parley.url, 4);
    const page = await pages.signIn(ada);
    let task: object = { status: "waiting" };
    let refusal: Answer | undefined;
    const found = (n: number) => hitOf(sent[n - 1]!, [{ text: "note", match: true }, { text: ` ${n}` }]);
    const asked = await answer(page, (url, method) => {
      if (url.pathname === "/v2/search") return { body: { hits: [found(1)] } };
      if (url.pathname.endsWith("/results")) {
        if (!url.searchParams.has("cursor")) return { body: { hits: [found(4), found(3)], nextCursor: "2" } };
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
    await pages.takePicture(page, "36-everything-running");
    await box(page).fill("notes");
    await status(page, "1 message found").waitFor();
    assert.ok(asked.includes("DELETE /v2/search-tasks/task-1"));

    refusal = { status: 429, body: { code: "too-many-search-tasks", retryAfterMs: 1 } };
    await page.getByRole("button", { name: "Search everything" }).click();
    await page.getByRole("alert").getByText("Too many of your searches").waitFor();
    await pages.takePicture(page, "37-everything-refused");
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
    await pages.takePicture(page, "38-everything-done");
    await page.context().close();
  });

  test("a hit in old history is shown where it stands; news is not lost meanwhile, and nothing shown twice", async () => {
    const { ada, bob, notesId, sent } = await twoPeople(parley.url, 400);
    const page = await pages.signIn(ada);
    await answer(page, () => ({ body: { hits: [hitOf(sent[99]!, [{ text: "note 100", match: true }])] } }));
    await box(page).fill("note 100");
    await hits(page).first().click();
    await page.locator(".message.focused").getByText("note 100", { exact: true }).waitFor();
    await row(page, "note 100").waitFor();
    assert.ok(await isInView(page, "note 100"), "it is scrolled to");
    await pages.takePicture(page, "39-jumped");
    assert.equal(await row(page, "note 400").count(), 0);
    const { chats } = await ada.client.listChats();
    assert.equal(chats.find(({ id }) => id === notesId)?.unread, 400, "what was not seen is not read");

    await bob.client.sendMessage(notesId, "news");
    await page.getByRole("button", { name: "Latest (99+ new)" }).click();
    await row(page, "news").waitFor();
    assert.ok(await isInView(page, "news"));
    await untilIn(page, async () => (await unread(ada, notesId)) === 0);

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
    await untilIn(page, async () => {
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
    const { ada, notesId, sent } = await twoPeople(parley.url, 200);
    const page = await pages.signIn(ada, { viewport: { width: 390, height: 780 }, colorScheme: "dark" });
    await answer(page, () => ({
      body: { hits: [hitOf(sent[9]!, [{ text: "note", match: true }, { text: " 10" }])] },
    }));
    await pages.takePicture(page, "40-phone-dark");
    await box(page).fill("note");
    await hits(page).first().waitFor();
    await pages.takePicture(page, "41-phone-dark-found");
    await hits(page).first().click();
    await page.locator(".message.focused").waitFor();
    await pages.takePicture(page, "42-phone-dark-jumped");
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

  test("no page threw an error or broke the content security policy", () => {
    assert.deepEqual(pages.problems, []);
  });
}

async function unread({ client }: { client: ParleyClient }, chatId: string): Promise<number> {
  return (await client.getChat(chatId)).unread;
}
