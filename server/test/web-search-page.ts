/** The search of the web client, as people see it, and what there is to be found. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { newPerson } from "#test/people.ts";
import { pageTimeoutMs } from "#test/web-pages.ts";

export const box = (page: Page) => page.getByRole("combobox", { name: "Search messages" });
export const hits = (page: Page) => page.getByRole("listbox", { name: "Found messages" }).getByRole("option");
export const status = (page: Page, text: string | RegExp) => page.locator(".search-status").getByText(text);
export const row = (page: Page, text: string) =>
  page.getByRole("list", { name: "Messages" }).getByText(text, { exact: true });
export const chatRow = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: new RegExp(`^${name}`) });
export const texts = (page: Page) => page.locator(".message .text").allTextContents();

/** Of a message's row: not scrolled away. */
export async function isInView(page: Page, text: string): Promise<boolean> {
  const list = (await page.locator(".messages").boundingBox())!;
  const line = (await row(page, text).boundingBox())!;
  return line.y >= list.y && line.y + line.height <= list.y + list.height;
}

/** Asks again and again, in the page's time. */
export async function untilIn(page: Page, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < pageTimeoutMs / 50; i++) {
    if (await holds()) return;
    await page.waitForTimeout(50);
  }
  assert.fail("it never came to hold");
}

export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

/** Ada, and Bob who has written "note 1", "note 2"… into one chat and one message into another. */
export async function twoPeople(url: string, count: number) {
  const ada = await newPerson(url, "Ada");
  const bob = await newPerson(url, "Bob", { maxSendsPerSecond: 300 });
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
