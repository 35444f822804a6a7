import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The Node that the npm package `node` brings. */
export const bundledNode = join(root, "node_modules", ".bin", "node");

/** What a person has to know; shown without a stack trace. */
export class SetupError extends Error {}

/**
 * Runs a program to its end.
 *
 * @returns {Promise<{ok: boolean, output: string}>} standard output and error; `ok` when the exit code was 0
 */
export function run(file, programArguments, options = {}) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(file, programArguments, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.once("error", (error) => resolve({ ok: false, output: error.message }));
    child.once("close", (code) => resolve({ ok: code === 0, output: output.trim() }));
  });
}

export function lastLines(text, count) {
  return text.split("\n").slice(-count).join("\n");
}
