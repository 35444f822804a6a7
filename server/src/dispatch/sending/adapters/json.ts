/** Plain JSON: `{text, …options}` → `{result}`. */
import { type Adapter, decodeText, property } from "#dispatch/sending/adapters/adapter.ts";

export const json: Adapter = {
  path: "",
  encode: (text, options) => ({ ...options, text }),
  decode: (answer) => decodeText(property(answer, "result")),
  retryAfterMs: () => undefined,
};
