/** Files in the web client: chosen, dropped, pasted, uploaded with their progress, shown to others, and gone again. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { ampleLimits, startParley } from "#test/parley.ts";
import { newPerson, type Person } from "#test/people.ts";
import { until } from "#test/until.ts";
import { startWebPages, type WebPages, withoutWeb } from "#test/web-pages.ts";

interface GivenFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

const quota = 60_000_000;
const maxBytes = 30_000_000;

describe("files in the web client", { skip: withoutWeb }, async () => {
  if (withoutWeb) return;
  const parley = await startParley({
    ...ampleLimits,
    PARLEY_BLOB_QUOTA_BYTES: String(quota),
    PARLEY_BLOB_MAX_BYTES: String(maxBytes),
  });
  const pages = await startWebPages(parley.url);

  test("a picture and a file are sent with their progress, shown to the other, and gone once deleted", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    // As slow as never to be done before it was looked at; what waits for the end lifts it.
    const speedUp = await slowDown(page, 150_000);
    const choosing = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Attach files" }).click();
    await (await choosing).setFiles([await picture("summer.png"), bytes("notes.zip", 3_000_000)]);
    const chips = page.getByRole("list", { name: "Files to send" });
    await chips.getByText("notes.zip").waitFor();
    const bar = page.getByRole("progressbar", { name: "Uploading notes.zip" });
    await until("it goes on", async () => {
      const sent = Number(await bar.getAttribute("value"));
      return sent > 0 && sent < 3_000_000;
    });
    await pages.takePicture(page, "30-uploading");
    await page.getByLabel("Message", { exact: true }).fill("Look at this");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("list", { name: "Messages" }).getByRole("progressbar").first().waitFor();
    await pages.takePicture(page, "31-sent-while-uploading");
    await speedUp();

    for (const one of [page, bobsPage]) {
      const thumbnail = one.getByRole("button", { name: "Open summer.png" }).getByAltText("summer.png");
      await thumbnail.waitFor();
      await until("it is shown", () => isShown(one, "summer.png"));
      const box = (await thumbnail.boundingBox())!;
      assert.ok(Math.abs(box.width / box.height - 1.5) < 0.02, "it keeps its shape");
      await one.getByRole("link", { name: /Download notes.zip, 2.9 MB/ }).waitFor();
    }
    await pages.takePicture(bobsPage, "32-received");
    const downloading = bobsPage.waitForEvent("download");
    await bobsPage.getByRole("link", { name: /notes.zip/ }).click();
    assert.equal((await downloading).suggestedFilename(), "notes.zip");

    await bobsPage.getByRole("button", { name: "Open summer.png" }).click();
    const dialog = bobsPage.getByRole("dialog", { name: "summer.png" });
    await until("it is whole", async () => {
      const image = dialog.getByAltText("summer.png");
      return (await image.evaluate((element) => (element as HTMLImageElement).naturalWidth)) === 1200;
    });
    await pages.takePicture(bobsPage, "33-opened");
    await bobsPage.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });

    await page.reload();
    await until("it is shown again", () => isShown(page, "summer.png"));
    await page.locator(".message.own").last().hover();
    await page.getByRole("button", { name: "Message actions" }).last().click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    for (const one of [page, bobsPage]) {
      await one.getByText("Message deleted").first().waitFor();
      assert.equal(await one.getByRole("list", { name: "Attachments" }).count(), 0);
    }
  });

  test("files alone are a message; they are dropped and pasted, and what is removed is not sent", async () => {
    const { ada, page, bobsPage } = await inOneChat(pages, parley.url);
    await give(page, "drop", [await picture("dropped.png"), bytes("unwanted.bin", 1000)]);
    await page.getByRole("button", { name: "Remove unwanted.bin" }).click();
    await give(page, "paste", [await picture("pasted.png")]);
    await page.getByRole("button", { name: "Remove pasted.png" }).waitFor();
    await page.getByRole("button", { name: "Send" }).click();
    for (const name of ["dropped.png", "pasted.png"]) await until(name, () => isShown(bobsPage, name));
    assert.equal(await bobsPage.getByText("unwanted.bin").count(), 0);
    await page.getByRole("navigation", { name: "Chats" }).getByText("dropped.png").waitFor();
    await until("no key is left behind", async () => (await ada.client.blobs.list()).blobs.length === 0);
  });

  test("what is too large, or leaves no room, is said in words; the rest can be sent", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    await chooseLarge(page, "huge.iso", maxBytes + 1);
    await choose(page, [bytes("small.bin", 10)]);
    await page.getByRole("alert").getByText("too large").waitFor();
    assert.ok(await page.getByRole("button", { name: "Send" }).isDisabled());
    await pages.takePicture(page, "34-too-large");
    await page.getByRole("button", { name: "Remove huge.iso" }).click();
    await page.getByRole("button", { name: "Send" }).click();
    await bobsPage.getByRole("link", { name: /small.bin/ }).waitFor();
    for (const name of ["one.bin", "two.bin"]) {
      await chooseLarge(page, name, 28_000_000);
      await until("it is there", async () => (await page.getByRole("progressbar").count()) === 0);
    }
    await chooseLarge(page, "three.bin", 20_000_000);
    await page.getByRole("alert").getByText("no room left").waitFor();
    await page.getByRole("button", { name: "Remove three.bin" }).click();
    await page.getByRole("button", { name: "Ada", exact: true }).click();
    await pages.takePicture(page, "35-account");
    await page.locator(".account").getByText("53 MB of 57 MB").last().waitFor();
    await pages.takePicture(page, "35-account");
    await page.keyboard.press("Escape");
  });

  test("a connection that is lost on the way is said, and the upload can be tried again", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    await page.route("**/v2/blobs/**", (route) => route.abort());
    await choose(page, [bytes("later.bin", 5000)]);
    await page.getByRole("alert").getByText("cannot be reached").waitFor();
    await page.unroute("**/v2/blobs/**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("button", { name: "Send" }).click();
    await bobsPage.getByRole("link", { name: /later.bin/ }).waitFor();
  });

  test("a large file goes in parts, and goes on where it broke off", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    let patches = 0;
    await page.route("**/v2/uploads/**", (route) =>
      route.request().method() === "PATCH" && ++patches === 2 ? route.abort() : route.continue(),
    );
    await chooseLarge(page, "film.bin", 20_000_000);
    await page.getByRole("button", { name: "Send" }).click();
    await bobsPage.getByRole("link", { name: /film.bin, 19 MB/ }).waitFor();
    assert.equal(patches, 3);
  });

  test("pictures come also after the cookie has gone", async () => {
    const { ada, chatId, page, bobsPage } = await inOneChat(pages, parley.url);
    await bobsPage.context().clearCookies();
    const file = new File([new Uint8Array((await picture("late.png")).buffer)], "late.png", {
      type: "image/png",
    });
    await ada.client.sendMessage(chatId, "", { attachments: [await ada.client.uploadFile(file)] });
    for (const one of [page, bobsPage]) await until("it is shown", () => isShown(one, "late.png"));
  });

  test("an SVG and a page are files to save, not to look at", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
    await choose(page, [
      { name: "sly.svg", mimeType: "image/svg+xml", buffer: svg },
      { name: "sly.html", mimeType: "text/html", buffer: Buffer.from("<script>alert(1)</script>") },
    ]);
    await page.getByRole("button", { name: "Send" }).click();
    for (const name of ["sly.svg", "sly.html"])
      await bobsPage.getByRole("link", { name: new RegExp(name) }).waitFor();
    assert.equal(await bobsPage.locator(".attachments img").count(), 0);
  });

  test("sounds are played, and what came with a message is found", async () => {
    const { page, bobsPage } = await inOneChat(pages, parley.url);
    await choose(page, [sound("bell.wav")]);
    await page.getByLabel("Message", { exact: true }).fill("Listen");
    await page.getByRole("button", { name: "Send" }).click();
    const player = bobsPage.getByLabel("bell.wav", { exact: true });
    await player.waitFor();
    const length = await player.evaluate(async (element) => {
      const audio = element as HTMLAudioElement;
      audio.muted = true;
      await audio.play();
      return audio.duration;
    });
    assert.equal(length, 0.5);
    await bobsPage.getByLabel("Search messages").fill("has:attachment");
    const hit = bobsPage.getByRole("listbox", { name: "Found messages" }).getByRole("option");
    await hit.getByText("bell.wav").waitFor();
  });

  test("it looks right, light and dark, wide and narrow", async () => {
    const { page, bob } = await inOneChat(pages, parley.url);
    await choose(page, [
      await picture("garden.png"),
      await picture("tall.png", 400, 900),
      bytes("report.pdf", 90_000),
    ]);
    await page.getByLabel("Message", { exact: true }).fill("From the garden");
    await page.getByRole("button", { name: "Send" }).click();
    await until("it is shown", () => isShown(page, "tall.png"));
    await choose(page, [
      await picture("next.png"),
      bytes("a file with a name that is rather long indeed.docx", 1e6),
    ]);
    await until("they are there", async () => (await page.getByRole("progressbar").count()) === 0);
    await pages.takePicture(page, "36-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await pages.takePicture(page, "37-dark");
    const phone = await pages.signIn(bob, { viewport: { width: 380, height: 720 } });
    await phone.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: "Circle" }).click();
    await until("it is shown", () => isShown(phone, "tall.png"));
    await pages.takePicture(phone, "38-narrow");
    const { scrollWidth, clientWidth } = await phone.evaluate(() => document.documentElement);
    assert.equal(scrollWidth, clientWidth);
  });

  test("pictures stand side by side, a message is as wide as what it has, and its menu is in sight", async () => {
    const { page } = await inOneChat(pages, parley.url);
    const broken = { name: "broken.jpg", mimeType: "image/jpeg", buffer: randomBytes(1000) };
    await choose(page, [broken]);
    await page.getByRole("list", { name: "Files to send" }).locator(".file-icon").waitFor();
    await page.getByRole("button", { name: "Remove broken.jpg" }).click();
    await choose(page, [await picture("alone.png", 1200, 300)]);
    await page.getByRole("button", { name: "Send" }).click();
    await until("it is shown", () => isShown(page, "alone.png"));
    const bubble = (await page.locator(".bubble").last().boundingBox())!;
    const alone = (await page.locator(".picture").last().boundingBox())!;
    assert.ok(bubble.width - alone.width < 40, "no room is left beside it");

    await choose(page, [await picture("left.png"), await picture("right.png")]);
    await page.getByRole("button", { name: "Send" }).click();
    for (const name of ["left.png", "right.png"]) await until(name, () => isShown(page, name));
    const [left, right] = await Promise.all(
      ["left.png", "right.png"].map((name) => page.getByAltText(name).boundingBox()),
    );
    assert.equal(left!.y, right!.y);

    await page.locator(".message.own").last().hover();
    await page.getByRole("button", { name: "Message actions" }).last().click();
    const menu = (await page.getByRole("menu").boundingBox())!;
    const list = (await page.locator(".messages-place").boundingBox())!;
    assert.ok(menu.x >= list.x, "nothing of the menu is cut off");
    await page.keyboard.press("Escape");

    await page.getByRole("button", { name: "Open alone.png" }).click();
    const shown = (await page.getByRole("dialog").getByAltText("alone.png").boundingBox())!;
    const belowPx = 700 - (shown.y + shown.height);
    assert.ok(shown.y > belowPx && shown.y - belowPx < 80, "it is in the middle of what is below the title");
    await page.keyboard.press("Escape");
  });

  test("nothing went wrong in the pages", () => {
    assert.deepEqual(pages.problems, []);
  });
});

async function inOneChat(pages: WebPages, url: string) {
  const ada = await newPerson(url, "Ada");
  const bob = await newPerson(url, "Bob");
  const chat = await ada.client.createChat({ kind: "group", title: "Circle", memberIds: [bob.id] });
  const [page, bobsPage] = await Promise.all([ada, bob].map((person) => openChat(pages, person)));
  return { ada, bob, chatId: chat.id, page: page!, bobsPage: bobsPage! };
}

async function openChat(pages: WebPages, person: Person): Promise<Page> {
  const page = await pages.signIn(person);
  await page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: "Circle" }).click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  return page;
}

async function picture(name: string, width = 1200, height = 800): Promise<GivenFile> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#7db9e8"/><stop offset="1" stop-color="#fff3d6"/></linearGradient>
    <rect width="100%" height="70%" fill="url(#sky)"/><rect y="70%" width="100%" height="30%" fill="#5a8c3c"/>
    <circle cx="75%" cy="25%" r="${Math.min(width, height) / 8}" fill="#ffd04a"/></svg>`;
  return { name, mimeType: "image/png", buffer: await sharp(Buffer.from(svg)).png().toBuffer() };
}

const bytes = (name: string, size: number): GivenFile => ({
  name,
  mimeType: "application/octet-stream",
  buffer: randomBytes(size),
});

/** Half a second of silence. */
function sound(name: string): GivenFile {
  const rate = 8000;
  const header = Buffer.alloc(44);
  header.write("RIFF");
  header.writeUInt32LE(36 + rate / 2, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write("data", 36);
  header.writeUInt32LE(rate / 2, 40);
  return { name, mimeType: "audio/wav", buffer: Buffer.concat([header, Buffer.alloc(rate / 2, 128)]) };
}

const choose = (page: Page, files: GivenFile[]) => page.locator('input[type="file"]').setInputFiles(files);

/** Made in the page: to bring it there would take long. */
function chooseLarge(page: Page, name: string, size: number): Promise<void> {
  return page.locator('input[type="file"]').evaluate(
    (input, given) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(given.size)], given.name));
      (input as HTMLInputElement).files = data.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    { name, size },
  );
}

/** What a browser does when somebody drops or pastes files. */
async function give(page: Page, how: "drop" | "paste", files: GivenFile[]): Promise<void> {
  const given = files.map(({ name, mimeType, buffer }) => ({
    name,
    mimeType,
    base64: buffer.toString("base64"),
  }));
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, mimeType, base64 } of list) {
      const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      data.items.add(new File([content], name, { type: mimeType }));
    }
    return data;
  }, given);
  const field = page.getByLabel("Message", { exact: true });
  if (how === "drop") {
    for (const type of ["dragenter", "dragover"]) await field.dispatchEvent(type, { dataTransfer: transfer });
    await page.getByText("Drop files to send them").waitFor();
    await field.dispatchEvent("drop", { dataTransfer: transfer });
  } else {
    await field.evaluate(
      (element, data) =>
        element.dispatchEvent(
          new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
        ),
      transfer,
    );
  }
}

/** A picture that came, not only its place. */
async function isShown(page: Page, name: string): Promise<boolean> {
  const image = page.locator(".picture").getByAltText(name);
  if ((await image.count()) !== 1) return false;
  await image.scrollIntoViewIfNeeded();
  return image.evaluate(
    (element) => (element as HTMLImageElement).complete && (element as HTMLImageElement).naturalWidth > 0,
  );
}

/** What it resolves to ends it. */
async function slowDown(page: Page, bytesPerSecond: number): Promise<() => Promise<void>> {
  const devtools = await page.context().newCDPSession(page);
  const setUpload = async (uploadThroughput: number) => {
    const unlimited = { offline: false, latency: 0, downloadThroughput: -1 };
    await devtools.send("Network.emulateNetworkConditions", { ...unlimited, uploadThroughput });
  };
  await setUpload(bytesPerSecond);
  return () => setUpload(-1);
}
