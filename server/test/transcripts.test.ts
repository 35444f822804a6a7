/** What clients of the old APIs send, and what they must be answered, played to a whole Parley. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startParley } from "#test/parley.ts";
import { parseTranscript } from "#test/transcripts/parse-transcript.ts";
import { runTranscript } from "#test/transcripts/run-transcript.ts";

const folder = fileURLToPath(new URL("./transcripts/", import.meta.url));

for (const file of readdirSync(folder).filter((name) => name.endsWith(".transcript"))) {
  test(`clients of before are answered as ${file} says`, async () => {
    const transcript = parseTranscript(file, readFileSync(folder + file, "utf8"));
    const parley = await startParley({ PARLEY_THROTTLING: "off", ...transcript.settings });
    await runTranscript(transcript, parley.url);
    await parley.stop();
  });
}
