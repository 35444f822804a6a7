/** Searching in the web client: finding what was written, at once and all of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startParley, type TestParley } from "#test/parley.ts";
import { newPerson } from "#test/people.ts";
import { startWebPages, type WebPages, withoutWeb } from "#test/web-pages.ts";
import { box, chatRow, hits, status, twoPeople, untilIn, upTo } from "#test/web-search-page.ts";

if (!withoutWeb) {
  const parley = await startParley();
  const pages = await startWebPages(parley.url);
  describe("finding in the web client", () => testFinding(parley, pages));
}

function testFinding(parley: TestParley, pages: WebPages): void {
  test("what somebody has just written is found, by its forms, its author and its chat, and opened", async () => {
    const { ada, bob, clubId } = await twoPeople(parley.url, 3);
    const page = await pages.signIn(ada);
    await box(page).fill("librar");
    await status(page, "1 message found.").waitFor();
    assert.deepEqual(await page.locator(".hit mark").allTextContents(), ["library"]);
    await bob.client.sendMessage(clubId, "Two libraries would be better");
    await box(page).fill("library");
    await status(page, "2 messages found").waitFor();
    assert.deepEqual((await page.locator(".hit mark").allTextContents()).sort(), ["libraries", "library"]);
    await box(page).fill('from:Bob in:"reading circle" two');
    await status(page, "1 message found.").waitFor();
    await pages.takePicture(page, "43-found-live");
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
    const { ada, bob, notesId, clubId, other } = await twoPeople(parley.url, 2);
    const eve = await newPerson(parley.url, "Eve");
    const [page, evesPage] = await Promise.all([pages.signIn(ada), pages.signIn(eve)]);
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
    const { ada, bob, notesId } = await twoPeople(parley.url, 120);
    const page = await pages.signIn(ada);
    await box(page).fill("note");
    await status(page, "The best 20 messages; there may be more.").waitFor();
    await page.getByRole("button", { name: "Search everything" }).click();
    await status(page, /^12\d messages found, the newest first/).waitFor();
    await pages.takePicture(page, "44-everything-live");
    const more = page.locator(".go-further");
    await bob.client.sendMessage(notesId, "a note that came later");
    for (let pages = 1; (await more.count()) > 0 && pages < 10; pages++) {
      const before = await hits(page).count();
      await more.click();
      await untilIn(page, async () => (await hits(page).count()) > before || (await more.count()) === 0);
    }
    const found = (await page.locator(".hit-text").allTextContents()).filter((text) => /note \d/.test(text));
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
    const { bob, notesId } = await twoPeople(parley.url, 1);
    const page = await pages.signIn(bob);
    await chatRow(page, "Notes").click();
    const settings = page.getByRole("button", { name: "Settings" });
    await settings.click();
    const choice = page.getByLabel("Language");
    assert.equal(await choice.inputValue(), "");
    await choice.selectOption({ label: "Russian" });
    await pages.takePicture(page, "45-chat-settings");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await bob.client.getChat(notesId)).language, "ru");
    await bob.client.updateChat(notesId, { language: "de" });
    await settings.click();
    await untilIn(page, async () => (await choice.inputValue()) === "de");
    await choice.selectOption("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await bob.client.getChat(notesId)).language, "");
    await page.context().close();
  });

  test("no page threw an error or broke the content security policy", () => {
    assert.deepEqual(pages.problems, []);
  });
}
