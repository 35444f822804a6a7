/** Fails when the contract breaks what was released. Run by `npm run check`. */
import { fileURLToPath } from "node:url";
import { findBreaks } from "./breaking.ts";

const breaks = findBreaks(fileURLToPath(new URL("..", import.meta.url)));
for (const line of breaks) console.error(line);
if (breaks.length > 0) {
  console.error('The contract breaks what was released: see docs/api-versions.md, "v2 itself".');
  process.exitCode = 1;
}
