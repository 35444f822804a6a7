/** The web client as people use it: two browsers, one server, nothing stubbed. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { ParleyClient } from "@parley/client";
import type { Page } from "playwright-core";
import { startParley, type TestParley } from "#test/parley.ts";
import { newPerson, password } from "#test/people.ts";
import { startWebPages, type WebPages, withoutWeb } from "#test/web-pages.ts";

test("the browser tests can run", { skip: process.env.CI ? false : withoutWeb }, (context) => {
  if (withoutWeb) context.diagnostic(`BROWSER TESTS NOT RUN: ${withoutWeb}`);
  assert.equal(withoutWeb, false);
});

if (!withoutWeb) {
  // Who closes the browser is offline at once, for the test that waits for it.
  const parley = await startParley({ PARLEY_PRESENCE_GRACE_SECONDS: "1" });
  const pages = await startWebPages(parley.url);
  describe("the web client", () => testWebClient(parley, pages));
}

function testWebClient(parley: TestParley, pages: WebPages): void {
  async function signUp(name: string, options = {}): Promise<{ page: Page; email: string }> {
    const page = await pages.open(options);
    const email = `${name.toLowerCase()}-${Math.random().toString(36).slice(2)}@example.com`;
    await page.getByRole("button", { name: "Create one" }).click();
    await page.getByLabel("Your name").fill(name);
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("button", { name: "New chat" }).waitFor();
    return { page, email };
  }

  async function choosePerson(page: Page, search: string, name: string): Promise<void> {
    await page.getByLabel("Name or e-mail address").fill(search);
    await page.getByRole("checkbox", { name }).check();
  }

  async function write(page: Page, text: string): Promise<void> {
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.keyboard.press("Enter");
  }

  const message = (page: Page, text: string) =>
    page.getByRole("list", { name: "Messages" }).getByText(text, { exact: true });
  const chatRow = (page: Page, name: string) =>
    page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name });

  /** A direct chat of a person in a browser with one in this process, who has written this many messages. */
  async function chatWithHistory(
    count: number,
  ): Promise<{ page: Page; client: ParleyClient; chatId: string }> {
    const ada = await newPerson(parley.url, "Ada");
    const bob = await newPerson(parley.url, "Bob", { maxSendsPerSecond: 300 });
    const chat = await bob.client.createChat({ kind: "direct", memberIds: [ada.id] });
    await bob.client.connect();
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    await Promise.all(numbers.map((n) => bob.client.sendMessage(chat.id, `message ${n}`)));
    return { page: await pages.signIn(ada), client: bob.client, chatId: chat.id };
  }

  test("two people sign up, find each other, and talk live", async () => {
    const [ada, bob] = await Promise.all([signUp("Ada"), signUp("Bob")]);
    await pages.takePicture(ada.page, "01-no-chats");
    await ada.page.getByRole("button", { name: "New chat" }).click();
    await choosePerson(ada.page, bob.email, "Bob");
    await pages.takePicture(ada.page, "02-new-chat");
    await ada.page.getByRole("button", { name: "Start chat" }).click();
    await write(ada.page, "Hello Bob");
    await message(ada.page, "Hello Bob").waitFor();

    const row = chatRow(bob.page, "Ada");
    await row.getByText("1 unread").waitFor();
    await row.getByText("Hello Bob").waitFor();
    await pages.takePicture(bob.page, "03-unread");
    await row.click();
    await message(bob.page, "Hello Bob").waitFor();
    await row.getByText("unread").waitFor({ state: "detached" });
    await ada.page.getByRole("img", { name: "Read", exact: true }).waitFor();

    await bob.page.getByLabel("Message", { exact: true }).pressSequentially("Hello");
    await ada.page.getByText("typing…").waitFor();
    await pages.takePicture(ada.page, "04-typing");
    await bob.page.keyboard.press("Shift+Enter");
    await bob.page.keyboard.type("Ada");
    await bob.page.keyboard.press("Enter");
    await message(ada.page, "Hello Ada").waitFor();
    await pages.takePicture(ada.page, "05-talk");

    await bob.page.context().close();
    await ada.page.getByText("offline").waitFor();
    await ada.page.context().close();
  });

  test("people answer, react, edit and delete, and the other sees it", async () => {
    const [ada, bob] = await Promise.all([signUp("Ada"), signUp("Bob")]);
    await ada.page.getByRole("button", { name: "New chat" }).click();
    await choosePerson(ada.page, bob.email, "Bob");
    await ada.page.getByRole("button", { name: "Start chat" }).click();
    await write(ada.page, "Lunch at noon?");
    await chatRow(bob.page, "Ada").click();
    await message(bob.page, "Lunch at noon?").waitFor();

    const actions = (page: Page, text: string) =>
      page
        .getByRole("listitem")
        .filter({ has: page.getByText(text, { exact: true }) })
        .getByRole("button", { name: "Message actions" });
    await actions(bob.page, "Lunch at noon?").click();
    await pages.takePicture(bob.page, "06-menu");
    await bob.page.getByRole("menuitemcheckbox", { name: "React with 👍" }).click();
    await ada.page.getByRole("button", { name: "👍 1" }).waitFor();
    await ada.page.getByRole("button", { name: "👍 1" }).click();
    await bob.page.getByRole("button", { name: "👍 2" }).waitFor();

    await actions(bob.page, "Lunch at noon?").click();
    await bob.page.getByRole("menuitem", { name: "Reply" }).click();
    await write(bob.page, "Sure");
    await ada.page.locator(".answered").getByText("Lunch at noon?").waitFor();

    await actions(ada.page, "Lunch at noon?").first().click();
    await ada.page.getByRole("menuitem", { name: "Edit" }).click();
    await write(ada.page, "Lunch at one?");
    await message(bob.page, "Lunch at one?").first().waitFor();
    await bob.page.getByText("edited").waitFor();

    await actions(bob.page, "Sure").click();
    await bob.page.getByRole("menuitem", { name: "Delete" }).click();
    await ada.page.getByText("Message deleted").first().waitFor();
    await pages.takePicture(ada.page, "07-changes");
    await Promise.all([ada.page.context().close(), bob.page.context().close()]);
  });

  test("a group has a title, members, and messages for all of them", async () => {
    const ada = await signUp("Ada", { colorScheme: "dark", viewport: { width: 390, height: 780 } });
    const [bob, eve] = [await newPerson(parley.url, "Bob"), await newPerson(parley.url, "Eve")];
    await ada.page.getByRole("button", { name: "New chat" }).click();
    await choosePerson(ada.page, bob.email, "Bob");
    await choosePerson(ada.page, eve.email, "Eve");
    await ada.page.getByLabel("Group title").fill("Reading circle");
    await ada.page.getByRole("button", { name: "Create group" }).click();
    await ada.page.getByText("3 members").waitFor();
    await write(ada.page, "Welcome both");
    await message(ada.page, "Welcome both").waitFor();
    await Promise.all([bob.client.connect(), eve.client.connect()]);
    const { chats } = await bob.client.listChats();
    await bob.client.sendMessage(chats[0]!.id, "Thanks");
    await eve.client.sendMessage(
      chats[0]!.id,
      "Glad to be here, and looking forward to what we will read first",
    );
    await message(ada.page, "Thanks").waitFor();
    await ada.page.getByText("Glad to be here").last().waitFor();
    await pages.takePicture(ada.page, "08-phone-dark-group");
    await ada.page.getByRole("button", { name: "Back to chats" }).click();
    await chatRow(ada.page, "Reading circle").waitFor();
    await pages.takePicture(ada.page, "09-phone-dark-list");
    await ada.page.context().close();
  });

  test("older messages are loaded on the way up, and the page stays where it was read", async () => {
    const { page, client, chatId } = await chatWithHistory(180);
    await chatRow(page, "Bob").getByText("99+").waitFor();
    await chatRow(page, "Bob").click();
    await message(page, "message 180").waitFor();
    assert.equal(await message(page, "message 100").count(), 0);
    await page.locator(".messages").hover();

    const loaded = message(page, "message 90");
    const place = () => message(page, "message 135").evaluate((node) => node.getBoundingClientRect().top);
    await page.locator(".messages").evaluate((list) => {
      list.scrollTop = 150;
    });
    const before = await place();
    await loaded.waitFor({ state: "attached" });
    assert.ok(Math.abs((await place()) - before) < 3, "the text moved while older messages were loaded");

    for (let i = 0; i < 30 && (await message(page, "message 1").count()) === 0; i++) {
      await page.mouse.wheel(0, -3000);
      await page.getByText("Loading…").waitFor({ state: "detached" });
    }
    await message(page, "message 1").waitFor({ state: "attached" });
    const texts = await page.locator(".message .text").allTextContents();
    assert.deepEqual(
      texts,
      Array.from({ length: 180 }, (_, i) => `message ${i + 1}`),
    );
    const top = await page.locator(".messages").evaluate((list) => list.scrollTop);
    await client.sendMessage(chatId, "news");
    await message(page, "news").waitFor({ state: "attached" });
    assert.equal(await page.locator(".messages").evaluate((list) => list.scrollTop), top);
    await pages.takePicture(page, "10-history");
    await page.getByRole("button", { name: "Latest" }).click();
    await message(page, "news").waitFor();
    await page.context().close();
  });

  test("a reload keeps the session and the open chat; signing out ends it in all tabs", async () => {
    const { page } = await chatWithHistory(3);
    await chatRow(page, "Bob").click();
    await message(page, "message 3").waitFor();
    await page.reload();
    await message(page, "message 3").waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await message(other, "message 3").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await other.getByRole("button", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await pages.takePicture(page, "11-sign-in");
    await page.context().close();
  });

  test("what is written without a connection is sent when it is back", async () => {
    const { page, client, chatId } = await chatWithHistory(1);
    await chatRow(page, "Bob").click();
    await message(page, "message 1").waitFor();
    await page.context().setOffline(true);
    await write(page, "written in a tunnel");
    await client.sendMessage(chatId, "sent meanwhile");
    await page.getByText("Connecting…").waitFor({ timeout: 60_000 });
    await page.getByRole("img", { name: "Sending" }).waitFor();
    await pages.takePicture(page, "12-offline");
    await page.context().setOffline(false);
    await message(page, "sent meanwhile").waitFor();
    await page.getByRole("img", { name: "Sending" }).waitFor({ state: "detached" });
    const { messages } = await client.listMessages(chatId);
    assert.deepEqual(
      messages.map(({ text }) => text),
      ["message 1", "sent meanwhile", "written in a tunnel"],
    );
    await page.context().close();
  });

  test("says what is wrong with a sign-in", async () => {
    const page = await pages.open();
    await page.getByLabel("E-mail").fill("nobody@example.com");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("Wrong e-mail address, login name or password").waitFor();
    await page.context().close();
  });

  test("lets somebody in who has a login name of an old API, and no address", async () => {
    const page = await pages.open();
    const account = { user_name: `old ${randomUUID()}`, password: "p" };
    const answer = await fetch(`${parley.url}/v1/auth/register`, {
      method: "POST",
      body: JSON.stringify(account),
    });
    assert.equal(answer.status, 201);
    await page.getByLabel("login name").fill(account.user_name);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "New chat" }).waitFor();
    await page.context().close();
  });

  test("no page threw an error or broke the content security policy", () => {
    assert.deepEqual(pages.problems, []);
  });
}
