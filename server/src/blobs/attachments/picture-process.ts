/**
 * A process of its own for looking at pictures: whatever a picture does to the libraries that read it, nothing but this
 * is lost. It knows no secret, takes pictures from standard input one by one, and ends with it.
 */
import { writeFileSync } from "node:fs";
import { stdin, stdout } from "node:process";
import sharp, { type SharpOptions } from "sharp";
import { framesOf, lengthPrefix } from "#blobs/attachments/frames.ts";
import { nothingToSee, type Picture, pictureFormat } from "#blobs/attachments/picture.ts";

export interface PictureLimits {
  maxBytes: number;
  maxPixels: number;
}

/** What fits into a message on any screen. */
const thumbnailSize = 480;
/** Smaller pictures are their own thumbnails. */
const smallBytes = 100_000;
const quality = 75;

const { maxBytes, maxPixels } = JSON.parse(process.argv[2]!) as PictureLimits;
const input: SharpOptions = { limitInputPixels: maxPixels, failOn: "error", sequentialRead: true };

// One thread, and nothing kept of one picture for the next.
sharp.concurrency(1);
sharp.cache(false);
const loaders = ["Jpeg", "Png", "Nsgif", "Webp", "Heif"];
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: loaders.map((name) => `VipsForeignLoad${name}`) });

async function look(bytes: Buffer): Promise<Picture> {
  const expected = pictureFormat(bytes);
  if (!expected) return nothingToSee;
  const { format, autoOrient } = await sharp(bytes, input).metadata();
  if (format !== expected) return nothingToSee;
  const { width, height } = autoOrient;
  const isSmall = Math.max(width, height) <= thumbnailSize && bytes.length <= smallBytes;
  if (isSmall) return { width, height };
  // Of an animation the first picture. Without what the file says about its making: places, names, times.
  const thumbnail = await sharp(bytes, input)
    .autoOrient()
    .resize({ width: thumbnailSize, height: thumbnailSize, fit: "inside", withoutEnlargement: true })
    .webp({ quality })
    .toBuffer();
  return { width, height, thumbnail };
}

function answer(frame: Uint8Array): void {
  stdout.write(lengthPrefix(frame.length));
  stdout.write(frame);
}

/** Where memory runs out, this is the process that can be spared. */
function offerToEndFirst(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Not Linux.
  }
}

offerToEndFirst();
answer(Buffer.from("ready"));
for await (const bytes of framesOf(stdin, maxBytes)) {
  const { width, height, thumbnail } = await look(bytes).catch(() => nothingToSee);
  answer(Buffer.from(JSON.stringify({ width, height })));
  answer(thumbnail ?? new Uint8Array(0));
}
