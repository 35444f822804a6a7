#!/usr/bin/env node
// Starts Parley on a Node that can run it: this one when it is new enough, else the one that npm installed.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const oldestMajor = 24;
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

if (Number(process.versions.node.split(".")[0]) >= oldestMajor) {
  process.argv[1] = main;
  await import("../src/main.ts");
} else {
  const { bin } = createRequire(import.meta.url)("node/package.json");
  const node = createRequire(import.meta.url).resolve(`node/${bin.node}`);
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; a signal to this process alone is passed on.
  for (const name of ["SIGTERM", "SIGHUP", "SIGINT"]) process.on(name, () => child.kill(name));
  child.on("exit", (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}
