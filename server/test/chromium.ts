/** Finds and starts the Chromium that the browser tests use; they bring none of their own. */
import { type Browser, chromium } from "playwright-core";
import { findProgram, isExecutable } from "../../scripts/find-program.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The one that PARLEY_TEST_CHROMIUM names, or the first one on the PATH. */
export function findChromium(): string | undefined {
  const named = process.env.PARLEY_TEST_CHROMIUM;
  if (named) return isExecutable(named) ? named : undefined;
  return findProgram(names, ["/usr/bin"]);
}

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      // Its sandbox needs privileges that containers do not give, and the pages are our own.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
