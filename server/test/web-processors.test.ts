/** A chat's processor in the web client: chosen from the list, its results shown below the messages, live. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Page } from "playwright-core";
import { startFakeDispatchServer } from "#test/fake-dispatch-server.ts";
import { ampleLimits, startPod } from "#test/parley.ts";
import { newPerson, type Person } from "#test/people.ts";
import { withoutRedis } from "#test/redis-server.ts";
import { startWebPages, type WebPages, withoutWeb } from "#test/web-pages.ts";

const skip = withoutWeb || withoutRedis;

describe("processors in the web client", { skip }, async () => {
  if (skip) return;
  const { environment, fake } = await startFakeDispatchServer();
  const app = await startPod({ ...environment, ...ampleLimits, PARLEY_CHAT_PROCESSING_POLL_MS: "50" });
  const url = `http://127.0.0.1:${app.httpPort}`;
  const pages = await startWebPages(url);

  test("who may chooses one; what is made of messages appears below them, and goes with an edit", async () => {
    const ada = await newPerson(url, "Ada");
    const bob = await newPerson(url, "Bob");
    const chat = await ada.client.createChat({ kind: "group", title: "Circle", memberIds: [bob.id] });
    const page = await openChat(pages, ada, "Circle");
    const bobsPage = await openChat(pages, bob, "Circle");
    assert.equal(await bobsPage.getByRole("button", { name: "Settings" }).count(), 0, "a member may not");

    await page.getByRole("button", { name: "Settings" }).click();
    const choice = page.getByLabel("New messages are processed by");
    await choice.getByRole("option", { name: "shout" }).waitFor({ state: "attached" });
    await choice.selectOption("shout");
    await page.getByText("About shout").waitFor();
    await pages.takePicture(page, "20-processor");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Processor: shout" }).waitFor();
    await bobsPage.getByText("Processor: shout").waitFor();

    await bob.client.connect();
    const sent = await bob.client.sendMessage(chat.id, "hello");
    for (const one of [page, bobsPage]) await one.locator(".processed").getByText("HELLO").waitFor();
    await pages.takePicture(page, "21-processed");
    await page.reload();
    await page.locator(".processed").getByText("HELLO").waitFor();

    await bob.client.editMessage(chat.id, sent.id, "goodbye");
    await page.locator(".processed").getByText("GOODBYE").waitFor();
    await bob.client.deleteMessage(chat.id, sent.id);
    await page.getByText("Message deleted").first().waitFor();
    assert.equal(await page.locator(".processed").count(), 0);
  });

  test("a failure to choose is said, and nothing is changed", async () => {
    const ada = await newPerson(url, "Ada");
    const chat = await ada.client.createChat({ kind: "group", title: "Other", memberIds: [] });
    const page = await openChat(pages, ada, "Other");
    await page.getByRole("button", { name: "Settings" }).click();
    const choice = page.getByLabel("New messages are processed by");
    fake.processorIds.push("short-lived");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Settings" }).click();
    await choice.getByRole("option", { name: "short-lived" }).waitFor({ state: "attached" });
    await choice.selectOption("short-lived");
    fake.processorIds.pop();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("no such processor").waitFor();
    assert.equal((await ada.client.getChat(chat.id)).processor, "");
  });
});

async function openChat(pages: WebPages, person: Person, title: string): Promise<Page> {
  const page = await pages.signIn(person);
  await page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: title }).click();
  return page;
}
